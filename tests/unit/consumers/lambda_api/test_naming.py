"""Every form of a function's name, and what is none."""

from __future__ import annotations

import pytest

from streamstore.consumers.lambda_api.naming import read_name

ACCOUNT = "123456789012"
# What may stand before a name -> the region and account in it.
PREFIXES = {
    "": ("", ""),
    "function:": ("", ""),
    f"{ACCOUNT}:": ("", ACCOUNT),
    f"{ACCOUNT}:function:": ("", ACCOUNT),
    f"us-east-1:{ACCOUNT}:function:": ("us-east-1", ACCOUNT),
    f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:": ("us-east-1", ACCOUNT),
    f"arn:aws-us-gov:lambda:us-gov-west-1:{ACCOUNT}:function:": ("us-gov-west-1", ACCOUNT),
}


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("qualifier", ["", "live", "12", "$LATEST"])
def test_every_form_has_the_same_name_and_qualifier(prefix: str, qualifier: str) -> None:
    text = f"{prefix}my-f_1" + (f":{qualifier}" if qualifier else "")
    named = read_name(text)
    assert named[:2] == ("my-f_1", qualifier)
    assert (named.region, named.account) == PREFIXES[prefix]


def test_the_shortest_name_says_the_same() -> None:
    for text in ("f", "f:live"):
        assert read_name(read_name(text).text) == read_name(text)


@pytest.mark.parametrize("text", ["", "a b", "f:", ":live", "f:a:b", "arn:aws:lambda:", "f\n", "ü"])
def test_what_has_no_such_form_is_no_name(text: str) -> None:
    with pytest.raises(ValueError, match="no function name"):
        read_name(text)
