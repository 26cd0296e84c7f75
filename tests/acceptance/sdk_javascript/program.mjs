// An application on the AWS SDK for JavaScript, version 3, and on the libraries over it, as their
// documentation shows. It learns of the server from its environment alone (AWS_ENDPOINT_URL), says
// "ok STEP" for each step that held, and ends with 1 at the first that did not.
//
//   node program.mjs TABLE SIGNED_URL SEEN_FILE

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import http from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import * as D from "@aws-sdk/client-dynamodb";
import * as S from "@aws-sdk/client-dynamodb-streams";
import * as F from "@aws-sdk/client-lambda";
import * as L from "@aws-sdk/lib-dynamodb";
import { unmarshall } from "@aws-sdk/util-dynamodb";
import { FetchHttpHandler } from "@smithy/fetch-http-handler";
import dynamoose from "dynamoose";
import { Dynamo } from "dynamodb-onetable/Dynamo";
import { Table as OneTable } from "dynamodb-onetable";
import * as toolbox from "dynamodb-toolbox";
import { BatchPutRequest } from "dynamodb-toolbox/entity/actions/batchPut";
import { ConditionCheck } from "dynamodb-toolbox/entity/actions/transactCheck";
import { UpdateTransaction } from "dynamodb-toolbox/entity/actions/transactUpdate";
import { execute as writeTogether } from "dynamodb-toolbox/entity/actions/transactWrite";
import { BatchWriteCommand, execute as writeBatch } from "dynamodb-toolbox/table/actions/batchWrite";
import { QueryCommand } from "dynamodb-toolbox/table/actions/query";
import { Entity, Service } from "electrodb";

const [TABLE, SIGNED_URL, SEEN_FILE] = process.argv.slice(2);
const db = new D.DynamoDB({});
const doc = L.DynamoDBDocument.from(db, {
  marshallOptions: { removeUndefinedValues: true },
  unmarshallOptions: { wrapNumbers: (text) => (String(+text) === text ? +text : L.NumberValue.from(text)) },
});
const streams = new S.DynamoDBStreams({});
const lambda = new F.Lambda({});
const waiting = { client: db, maxWaitTime: 10, minDelay: 0.05, maxDelay: 0.5 };

const texts = (...names) => names.map((name) => ({ AttributeName: name, AttributeType: "S" }));
const keys = (...names) =>
  names.map((name, at) => ({ AttributeName: name, KeyType: ["HASH", "RANGE"][at] }));
const index = (name, ...parts) => ({
  IndexName: name,
  KeySchema: keys(...parts),
  Projection: { ProjectionType: "ALL" },
});

async function step(name, body) {
  try {
    await body();
  } catch (error) {
    console.error(name, error);
    process.exit(1);
  }
  console.log("ok", name);
}

async function refused(promise, kind) {
  const error = await promise.then(() => assert.fail("was not refused"), (caught) => caught);
  if (kind) assert(error instanceof kind, `${error.name}: ${error.message}`);
  return error;
}

async function collect(pages, member) {
  const all = [];
  for await (const page of pages) all.push(...page[member]);
  return all;
}

await step("tables", async () => {
  const request = {
    TableName: TABLE,
    BillingMode: "PAY_PER_REQUEST",
    AttributeDefinitions: [...texts("pk", "sk", "state"), { AttributeName: "cost", AttributeType: "N" }],
    KeySchema: keys("pk", "sk"),
    GlobalSecondaryIndexes: [index("byState", "state", "cost")],
    LocalSecondaryIndexes: [index("byCost", "pk", "cost")],
    StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_AND_OLD_IMAGES" },
  };
  await db.createTable(request);
  const { state, reason } = await D.waitUntilTableExists(waiting, { TableName: TABLE });
  assert.equal(state, "SUCCESS");
  assert(Math.abs(reason.Table.CreationDateTime - Date.now()) < 60_000);
  const error = await refused(db.createTable(request), D.ResourceInUseException);
  assert.equal(error.$metadata.httpStatusCode, 400);
  assert((await collect(D.paginateListTables({ client: db, pageSize: 1 }, {}), "TableNames")).includes(TABLE));
  await refused(doc.get({ TableName: "nowhere", Key: { id: 1 } }), D.ResourceNotFoundException);
});

await step("documents", async () => {
  const Item = {
    pk: "a", sk: "1", text: "é 💡 \u0000", empty: "", cost: 12.5, huge: 123456789012345678901234567890n,
    exact: L.NumberValue.from("3.1415926535897932384626433832795028841"), yes: true, nothing: null,
    bytes: new Uint8Array([0, 1, 255]), labels: new Set(["x", "y"]), counts: new Set([1, 2.5]),
    list: [1, "a", [], {}], map: { deep: { er: [{ z: null }] } },
  };
  await doc.put({ TableName: TABLE, Item: { ...Item, left: undefined } });
  const got = (await doc.get({ TableName: TABLE, Key: { pk: "a", sk: "1" }, ConsistentRead: true })).Item;
  assert.equal(got.huge.toString(), String(Item.huge));
  assert.equal(got.exact.toString(), Item.exact.toString());
  assert.deepEqual({ ...got, huge: 0, exact: 0 }, { ...Item, huge: 0, exact: 0 });
  const error = await refused(
    doc.put({
      TableName: TABLE, Item: { pk: "a", sk: "1" }, ConditionExpression: "attribute_not_exists(pk)",
      ReturnValuesOnConditionCheckFailure: "ALL_OLD",
    }),
    D.ConditionalCheckFailedException,
  );
  assert.equal((error.Item.cost.N ?? error.Item.cost).toString(), "12.5");
  const { Attributes } = await doc.update({
    TableName: TABLE, Key: { pk: "a", sk: "1" }, ReturnValues: "ALL_NEW",
    UpdateExpression: "SET #m.deep.er[0].z = :v, cost = cost + :n ADD labels :s DELETE counts :d REMOVE nothing",
    ExpressionAttributeNames: { "#m": "map" },
    ExpressionAttributeValues: { ":v": "set", ":n": 1, ":s": new Set(["z"]), ":d": new Set([1]) },
  });
  assert.deepEqual(Attributes.map, { deep: { er: [{ z: "set" }] } });
  assert.deepEqual([Attributes.cost, Attributes.labels, Attributes.counts, "nothing" in Attributes],
    [13.5, new Set(["x", "y", "z"]), new Set([2.5]), false]);
  const invalid = await refused(doc.update({ TableName: TABLE, Key: { pk: "a" }, UpdateExpression: "REMOVE x" }));
  assert.equal(invalid.name, "ValidationException");
});

await step("batches and pages", async () => {
  const rest = Array.from({ length: 60 }, (_, n) => ({
    PutRequest: { Item: { pk: "b", sk: String(n).padStart(2, "0"), cost: n, state: n % 2 ? "open" : "paid" } },
  }));
  while (rest.length) {
    const reply = await doc.batchWrite({ RequestItems: { [TABLE]: rest.splice(0, 25) } });
    rest.push(...(reply.UnprocessedItems[TABLE] ?? []));
  }
  // More than the 16 MB of one reply, so that keys stay unprocessed.
  const large = Array.from({ length: 44 }, (_, n) => ({ pk: "large", sk: String(n) }));
  await Promise.all(large.map((key) => doc.put({ TableName: TABLE, Item: { ...key, text: "y".repeat(390 * 1024) } })));
  let [asked, rounds, found] = [large, 0, 0];
  for (; asked.length; rounds++) {
    const reply = await doc.batchGet({ RequestItems: { [TABLE]: { Keys: asked } } });
    found += reply.Responses[TABLE].length;
    asked = reply.UnprocessedKeys[TABLE]?.Keys ?? [];
  }
  assert.deepEqual([found, rounds > 1], [large.length, true]);
  const query = (more) => collect(L.paginateQuery({ client: doc, pageSize: 7 }, { TableName: TABLE, ...more }), "Items");
  const whole = await query({ KeyConditionExpression: "pk = :p", ExpressionAttributeValues: { ":p": "b" } });
  assert.deepEqual(whole.map((item) => item.cost), Array.from({ length: 60 }, (_, n) => n));
  const paid = await query({
    IndexName: "byState", ScanIndexForward: false, KeyConditionExpression: "#s = :s AND cost BETWEEN :a AND :b",
    ExpressionAttributeNames: { "#s": "state" }, ExpressionAttributeValues: { ":s": "paid", ":a": 9, ":b": 21 },
  });
  assert.deepEqual(paid.map((item) => item.cost), [20, 18, 16, 14, 12, 10]);
  let scanned = 0;
  for (const Segment of [0, 1, 2]) {
    const part = { TableName: TABLE, Segment, TotalSegments: 3, ProjectionExpression: "pk" };
    scanned += (await collect(L.paginateScan({ client: doc }, part), "Items")).length;
  }
  assert.equal(scanned, 1 + 60 + large.length);
});

await step("transactions", async () => {
  const TransactItems = [
    { Put: { TableName: TABLE, Item: { pk: "t", sk: "1", n: 10 } } },
    { ConditionCheck: { TableName: TABLE, Key: { pk: "b", sk: "01" }, ConditionExpression: "cost = :c", ExpressionAttributeValues: { ":c": 1 } } },
  ];
  await doc.transactWrite({ TransactItems, ClientRequestToken: TABLE });
  await doc.transactWrite({ TransactItems, ClientRequestToken: TABLE });
  await refused(
    doc.transactWrite({ TransactItems: TransactItems.slice(1), ClientRequestToken: TABLE }),
    D.IdempotentParameterMismatchException,
  );
  TransactItems[1].ConditionCheck.ExpressionAttributeValues[":c"] = 2;
  const error = await refused(doc.transactWrite({ TransactItems }), D.TransactionCanceledException);
  assert.deepEqual(error.CancellationReasons.map((each) => each.Code), ["None", "ConditionalCheckFailed"]);
  const { Responses } = await doc.transactGet({
    TransactItems: ["1", "2"].map((sk) => ({ Get: { TableName: TABLE, Key: { pk: "t", sk } } })),
  });
  assert.deepEqual(Responses.map((each) => each.Item?.n), [10, undefined]);
});

let arn;
await step("a stream through a split", async () => {
  arn = (await db.describeTable({ TableName: TABLE })).Table.LatestStreamArn;
  const names = Array.from({ length: 10 }, (_, n) => `s${n}`);
  for (const pk of names) await doc.put({ TableName: TABLE, Item: { pk, sk: "x", round: 0 } });
  const split = await fetch(`${process.env.AWS_ENDPOINT_URL}/_streamstore/split`, {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ table: TABLE }),
  });
  assert.equal(split.status, 200);
  for (const pk of names) {
    await doc.update({ TableName: TABLE, Key: { pk, sk: "x" }, UpdateExpression: "SET round = :r", ExpressionAttributeValues: { ":r": 1 } });
  }
  await doc.delete({ TableName: TABLE, Key: { pk: "s0", sk: "x" } });
  const { Shards } = (await streams.describeStream({ StreamArn: arn })).StreamDescription;
  assert.deepEqual(Shards.map((shard) => shard.ParentShardId), [undefined, Shards[0].ShardId, Shards[0].ShardId]);
  const seen = [];
  for (const { ShardId } of Shards) {
    let { ShardIterator } = await streams.getShardIterator({ StreamArn: arn, ShardId, ShardIteratorType: "TRIM_HORIZON" });
    while (ShardIterator) {
      const page = await streams.getRecords({ ShardIterator });
      seen.push(...page.Records.map((record) => [record.eventName, unmarshall(record.dynamodb.Keys).pk, record.dynamodb]));
      ShardIterator = page.Records.length ? page.NextShardIterator : undefined;
    }
  }
  for (const pk of names) {
    const events = seen.filter((each) => each[1] === pk);
    assert.deepEqual(events.map((each) => each[0]), ["INSERT", "MODIFY", ...(pk === "s0" ? ["REMOVE"] : [])]);
    assert.deepEqual(unmarshall(events[1][2].NewImage), { pk, sk: "x", round: 1 });
    assert(events[0][2].ApproximateCreationDateTime instanceof Date);
  }
  await refused(streams.describeStream({ StreamArn: `${arn.slice(0, -3)}999` }), S.ResourceNotFoundException);
});

await step("functions", async () => {
  const FunctionName = "handler";
  const invoke = (event) => lambda.invoke({ FunctionName, Payload: JSON.stringify(event) });
  const good = await invoke({ hi: 1 });
  assert.deepEqual(JSON.parse(good.Payload.transformToString()), { echo: { hi: 1 } });
  assert.equal((await invoke({ fail: true })).FunctionError, "Unhandled");
  await refused(lambda.invoke({ FunctionName: "nobody" }), F.ResourceNotFoundException);
  const Pattern = JSON.stringify({ eventName: ["REMOVE"] });
  const made = await lambda.createEventSourceMapping({
    FunctionName, EventSourceArn: arn, StartingPosition: "TRIM_HORIZON", FilterCriteria: { Filters: [{ Pattern }] },
  });
  for (let turn = 0; turn < 100 && !existsSync(SEEN_FILE); turn++) await pause(100);
  assert.equal(readFileSync(SEEN_FILE, "utf8").trim().split("\n").length, 1);
  const pages = F.paginateListEventSourceMappings({ client: lambda }, { EventSourceArn: arn });
  assert.deepEqual((await collect(pages, "EventSourceMappings")).map((each) => each.UUID), [made.UUID]);
  await lambda.deleteEventSourceMapping({ UUID: made.UUID });
});

await step("statements", async () => {
  const insert = { Statement: `INSERT INTO "${TABLE}" VALUE {'pk':'p','sk':?,'labels':?}`, Parameters: ["1", new Set(["q"])] };
  await doc.send(new L.ExecuteStatementCommand(insert));
  await refused(doc.send(new L.ExecuteStatementCommand(insert)), D.DuplicateItemException);
  const select = { Statement: `SELECT * FROM "${TABLE}" WHERE pk = ? AND sk = ?`, Parameters: ["p", "1"] };
  const { Items } = await doc.send(new L.ExecuteStatementCommand(select));
  assert.deepEqual(Items, [{ pk: "p", sk: "1", labels: new Set(["q"]) }]);
  const missing = { ...select, Parameters: ["p", "2"] };
  const batch = await doc.send(new L.BatchExecuteStatementCommand({ Statements: [select, missing] }));
  assert.deepEqual(batch.Responses.map((each) => each.Item?.sk), ["1", undefined]);
  const together = doc.send(new L.ExecuteTransactionCommand({ TransactStatements: [insert] }));
  assert.equal((await refused(together, D.TransactionCanceledException)).CancellationReasons[0].Code, "DuplicateItem");
});

await step("signatures, clocks and connections", async () => {
  const at = (more) => new D.DynamoDB({ endpoint: SIGNED_URL, ...more });
  const stranger = { accessKeyId: process.env.AWS_ACCESS_KEY_ID, secretAccessKey: "wrong" };
  assert.equal((await refused(at({ credentials: stranger }).listTables({}))).name, "InvalidSignatureException");
  // A machine whose clock is an hour ahead: the SDK signs again by the date of the refusal.
  const Right = globalThis.Date;
  const ahead = () => Right.now() + 3_600_000;
  globalThis.Date = class extends Right {
    constructor(...given) {
      super(...(given.length ? given : [ahead()]));
    }
    static now = ahead;
  };
  try {
    const client = at();
    assert.equal((await client.listTables({})).$metadata.attempts, 2);
    assert.equal((await client.listTables({})).$metadata.attempts, 1);
  } finally {
    globalThis.Date = Right;
  }
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const connect = agent.createConnection;
  let made = 0;
  agent.createConnection = (...given) => (made++, connect.apply(agent, given));
  const steady = at({ requestHandler: { httpAgent: agent } });
  for (let turn = 0; turn < 50; turn++) await steady.listTables({});
  assert.equal(made, 1);
  agent.destroy();
  // fetch accepts gzip, as browsers do.
  const fetched = L.DynamoDBDocument.from(new D.DynamoDB({ requestHandler: new FetchHttpHandler() }));
  const reply = await fetched.get({ TableName: TABLE, Key: { pk: "large", sk: "0" } });
  assert.equal(reply.Item.text.length, 390 * 1024);
});

await step("electrodb", async () => {
  const table = `${TABLE}-electro`;
  await db.createTable({
    TableName: table, BillingMode: "PAY_PER_REQUEST", AttributeDefinitions: texts("pk", "sk", "gsi1pk", "gsi1sk"),
    KeySchema: keys("pk", "sk"), GlobalSecondaryIndexes: [index("gsi1", "gsi1pk", "gsi1sk")],
  });
  const attributes = { id: { type: "string", required: true }, team: { type: "string", required: true }, points: { type: "number" }, skills: { type: "set", items: "string" } };
  const entity = (name) => new Entity({
    model: { entity: name, version: "1", service: "hr" }, attributes,
    indexes: {
      primary: { pk: { field: "pk", composite: ["id"] }, sk: { field: "sk", composite: [] } },
      byTeam: { index: "gsi1", collection: "teams", pk: { field: "gsi1pk", composite: ["team"] }, sk: { field: "gsi1sk", composite: ["id"] } },
    },
  }, { client: doc, table });
  const hr = new Service({ people: entity("person"), tasks: entity("task") });
  const { people, tasks } = hr.entities;
  await people.create({ id: "1", team: "red", points: 1, skills: ["a"] }).go();
  assert.match((await refused(people.create({ id: "1", team: "red" }).go())).message, /conditional request failed/);
  const { data } = await people.patch({ id: "1" }).add({ points: 2, skills: ["b"] })
    .where((a, op) => `${op.eq(a.points, 1)} AND ${op.contains(a.skills, "a")}`).go({ response: "all_new" });
  assert.deepEqual([data.points, data.skills.sort()], [3, ["a", "b"]]);
  await tasks.put(Array.from({ length: 30 }, (_, n) => ({ id: `t${n}`, team: "red", points: n }))).go();
  const { data: team } = await hr.collections.teams({ team: "red" }).go({ pages: "all" });
  assert.deepEqual([team.people.length, team.tasks.length], [1, 30]);
  const together = await hr.transaction.write((of) => [of.people.create({ id: "1", team: "red" }).commit(), of.tasks.delete({ id: "t1" }).commit()]).go();
  assert.deepEqual([together.canceled, together.data.map((each) => each.code)], [true, ["ConditionalCheckFailed", "None"]]);
});

await step("dynamoose", async () => {
  const schema = new dynamoose.Schema({
    id: { type: String, hashKey: true }, at: { type: Number, rangeKey: true }, rank: Number,
    owner: { type: String, index: { name: "byOwner", type: "global", rangeKey: "at" } },
    tags: { type: Set, schema: [String] }, when: Date, bytes: Buffer,
  });
  const Pet = dynamoose.model(`${TABLE}-moose`, schema);
  const options = { initialize: false, throughput: "ON_DEMAND", expires: { ttl: 3_600_000, attribute: "ttl" }, update: ["ttl"] };
  await new dynamoose.Table(`${TABLE}-moose`, [Pet], options).initialize();
  await Pet.create({ id: "1", at: 1, owner: "ann", rank: 3, tags: new Set(["x"]), when: new Date(5000), bytes: Buffer.from([1]) });
  assert.equal((await refused(Pet.create({ id: "1", at: 1 }))).name, "ConditionalCheckFailedException");
  const condition = new dynamoose.Condition().attribute("owner").beginsWith("a");
  const pet = await Pet.update({ id: "1", at: 1 }, { $ADD: { rank: 5, tags: new Set(["y"]) } }, { condition });
  assert.deepEqual([pet.rank, pet.tags, pet.when.getTime()], [8, new Set(["x", "y"]), 5000]);
  await Pet.batchPut(Array.from({ length: 20 }, (_, n) => ({ id: "b", at: n, owner: "bob" })));
  assert.equal((await Pet.query("owner").eq("bob").where("at").ge(5).using("byOwner").limit(4).all().exec()).length, 15);
  const ttl = await db.describeTimeToLive({ TableName: `${TABLE}-moose` });
  assert.equal(ttl.TimeToLiveDescription.TimeToLiveStatus, "ENABLED");
});

await step("onetable", async () => {
  const of = (value) => ({ type: String, value });
  const table = new OneTable({
    client: new Dynamo({ client: db }), name: `${TABLE}-one`, logger: false, partial: true,
    schema: {
      version: "0.0.1", format: "onetable:1.1.0", indexes: { primary: { hash: "pk", sort: "sk" } },
      models: { Account: {
        pk: of("account#${id}"), sk: of("account#${id}"), id: { type: String, generate: "ulid" },
        name: { type: String, required: true, unique: true }, balance: { type: Number, default: 0 },
      } },
      params: { isoDates: true, timestamps: true },
    },
  });
  await table.createTable();
  const Account = table.getModel("Account");
  const { id } = await Account.create({ name: "Acme", balance: 5 });
  assert.match((await refused(Account.create({ name: "Acme" }))).message, /unique/i);
  assert.equal((await Account.update({ id }, { add: { balance: 3 }, where: "${balance} >= {1}" })).balance, 8);
  assert.equal((await Account.scan({}, { where: "${balance} > {7}" })).length, 1);
  await table.deleteTable("DeleteTableForever");
  assert.equal(await table.exists(), false);
});

await step("toolbox", async () => {
  const { $add, item, number, set, string } = toolbox;
  const table = new toolbox.Table({
    documentClient: doc, name: `${TABLE}-toolbox`, partitionKey: { name: "pk", type: "string" }, sortKey: { name: "sk", type: "string" },
  });
  await db.createTable({ TableName: table.getName(), BillingMode: "PAY_PER_REQUEST", AttributeDefinitions: texts("pk", "sk"), KeySchema: keys("pk", "sk") });
  const schema = item({ kind: string().key(), id: string().key(), age: number(), tags: set(string()).optional() });
  const Pet = new toolbox.Entity({ name: "PET", table, schema, computeKey: ({ kind, id }) => ({ pk: kind, sk: id }) });
  const requests = Array.from({ length: 20 }, (_, n) => Pet.build(BatchPutRequest).item({ kind: "cat", id: `c${n + 10}`, age: n, tags: new Set(["t"]) }));
  await writeBatch(table.build(BatchWriteCommand).requests(...requests));
  const { Items } = await table.build(QueryCommand).entities(Pet).query({ partition: "cat", range: { gte: "c20" } }).options({ maxPages: Infinity, limit: 3 }).send();
  assert.deepEqual(Items.map((each) => each.age), [10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
  const check = (eq) => Pet.build(ConditionCheck).key({ kind: "cat", id: "c10" }).condition({ attr: "age", eq });
  const older = Pet.build(UpdateTransaction).item({ kind: "cat", id: "c11", age: $add(1) });
  await writeTogether(check(0), older);
  assert.equal((await refused(writeTogether(check(7), older))).name, "TransactionCanceledException");
  const { Item } = await Pet.build(toolbox.GetItemCommand).key({ kind: "cat", id: "c11" }).send();
  assert.equal(Item.age, 2);
});

await step("deletion", async () => {
  await db.deleteTable({ TableName: `${TABLE}-moose` });
  const { state } = await D.waitUntilTableNotExists(waiting, { TableName: `${TABLE}-moose` });
  assert.equal(state, "SUCCESS");
});
