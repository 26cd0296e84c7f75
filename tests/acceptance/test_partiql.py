"""PartiQL end to end: boto3 and the AWS CLI against a server, and the embedded client."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

import streamstore

KEYS: dict[str, Any] = {
    "AttributeDefinitions": [
        {"AttributeName": "Artist", "AttributeType": "S"},
        {"AttributeName": "SongTitle", "AttributeType": "S"},
    ],
    "KeySchema": [
        {"AttributeName": "Artist", "KeyType": "HASH"},
        {"AttributeName": "SongTitle", "KeyType": "RANGE"},
    ],
    "BillingMode": "PAY_PER_REQUEST",
}


@pytest.fixture
def served(server: Any) -> Iterator[Any]:
    """A boto3 client of a server with a table "Music"."""
    client = server.client()
    client.create_table(TableName="Music", **KEYS)
    yield client
    client.delete_table(TableName="Music")


@pytest.fixture(params=["boto3", "embedded"])
def door(request: Any) -> Iterator[Any]:
    """A client with a table "Music"."""
    if request.param == "boto3":
        yield request.getfixturevalue("served")
        return
    with streamstore.open(":memory:") as store:
        store.client.create_table(TableName="Music", **KEYS)
        yield store.client


def code(refused: BaseException) -> str:
    found: str = refused.response["Error"]["Code"]  # type: ignore[attr-defined]
    return found


def test_a_song_lives_through_the_statements_of_the_developer_guide(door: Any) -> None:
    run = door.execute_statement
    run(Statement="INSERT INTO \"Music\" value {'Artist':'Acme Band','SongTitle':'PartiQL Rocks'}")
    with pytest.raises(door.exceptions.DuplicateItemException):
        run(Statement="INSERT INTO Music value {'Artist':'Acme Band','SongTitle':'PartiQL Rocks'}")
    where = "WHERE Artist='Acme Band' AND SongTitle='PartiQL Rocks'"
    statement = f"""UPDATE "Music" SET AwardsWon=1 SET AwardDetail={{'Grammys':[2020, 2018]}}
        SET BandMembers=<<'member1', 'member2'>> {where} RETURNING ALL NEW *"""
    (updated,) = run(Statement=statement)["Items"]
    assert updated["AwardDetail"] == {"M": {"Grammys": {"L": [{"N": "2020"}, {"N": "2018"}]}}}
    statement = f"""UPDATE "Music" REMOVE AwardDetail.Grammys[1]
        SET BandMembers=set_add(BandMembers, <<'newmember'>>) SET AwardsWon=AwardsWon+? {where}"""
    run(Statement=statement, Parameters=[{"N": "2"}])
    (found,) = run(Statement=f'SELECT AwardsWon, AwardDetail.Grammys FROM "Music" {where}')["Items"]
    assert found == {"AwardsWon": {"N": "3"}, "Grammys": {"L": [{"N": "2020"}]}}
    with pytest.raises(door.exceptions.ConditionalCheckFailedException):
        run(Statement="UPDATE Music SET a=1 WHERE Artist='No One' AND SongTitle='None'")
    statement = f'DELETE FROM "Music" {where} AND AwardsWon=3 RETURNING ALL OLD *'
    (gone,) = run(Statement=statement)["Items"]
    assert sorted(gone["BandMembers"]["SS"]) == ["member1", "member2", "newmember"]
    assert run(Statement="SELECT * FROM Music")["Items"] == []


def test_pages_batches_and_transactions(door: Any) -> None:
    song = "INSERT INTO Music VALUE {'Artist': ?, 'SongTitle': ?, 'data': ?}"
    statements = [
        {"Statement": song, "Parameters": [{"S": "A"}, {"S": f"{at:02}"}, {"B": bytes([at])}]}
        for at in range(25)
    ]
    reply = door.batch_execute_statement(Statements=statements)
    assert reply["Responses"] == [{"TableName": "Music"}] * 25
    titles, token = [], {}
    while True:
        page = door.execute_statement(
            Statement="SELECT SongTitle, data FROM Music WHERE Artist='A' ORDER BY SongTitle DESC",
            Limit=7,
            **token,
        )
        titles += [(item["SongTitle"]["S"], item["data"]["B"]) for item in page["Items"]]
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert titles == [(f"{at:02}", bytes([at])) for at in reversed(range(25))]
    where = "WHERE Artist='A' AND SongTitle='{}'"
    read = door.execute_transaction(
        TransactStatements=[
            {"Statement": "SELECT SongTitle FROM Music " + where.format(title)}
            for title in ("03", "x")
        ]
    )
    assert read["Responses"] == [{"Item": {"SongTitle": {"S": "03"}}}, {}]
    with pytest.raises(door.exceptions.TransactionCanceledException) as canceled:
        door.execute_transaction(
            TransactStatements=[
                {"Statement": "DELETE FROM Music " + where.format("03")},
                {"Statement": "INSERT INTO Music VALUE {'Artist':'A','SongTitle':'04'}"},
            ]
        )
    reasons = [each["Code"] for each in canceled.value.response["CancellationReasons"]]
    assert reasons == ["None", "DuplicateItem"]
    count = door.scan(TableName="Music", Select="COUNT")["Count"]
    assert count == 25


def test_faults_have_the_services_names(served: Any) -> None:
    for statement, name in (
        ("SELECT * FROM", "ValidationException"),
        ("SELECT * FROM absent", "ResourceNotFoundException"),
        ("CREATE TABLE x", "ValidationException"),
        ("(" * 8000, "ValidationException"),
        ("SELECT * FROM Music WHERE " + "NOT " * 2000 + "a=1", "ValidationException"),
    ):
        with pytest.raises(ClientError) as refused:
            served.execute_statement(Statement=statement)
        assert code(refused.value) == name, statement[:60]


@pytest.mark.skipif(shutil.which("aws") is None, reason="the AWS CLI is not installed")
@pytest.mark.usefixtures("served")
def test_the_aws_cli_runs_statements(server: Any) -> None:
    environment = {
        **os.environ, "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "s3cret",
        "AWS_DEFAULT_REGION": "eu-west-1", "AWS_PAGER": "",
    }  # fmt: skip

    def aws(*arguments: str) -> Any:
        done = subprocess.run(
            ["aws", "dynamodb", *arguments, "--endpoint-url", server.url, "--output", "json"],
            capture_output=True, text=True, check=True, timeout=120, env=environment,
        )  # fmt: skip
        return json.loads(done.stdout or "{}")

    insert = "INSERT INTO Music VALUE {'Artist':'Acme','SongTitle':?}"
    aws("execute-statement", "--statement", insert, "--parameters", '[{"S":"Today"}]')
    found = aws("execute-statement", "--statement", "SELECT SongTitle FROM Music")
    assert found["Items"] == [{"SongTitle": {"S": "Today"}}]
