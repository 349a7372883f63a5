"""openapi.yaml matches the code: codes, statuses, texts, words and header fields."""

import re

import pytest
import yaml

import spec
import stack
from conftest import ORIGIN
from edge import NGINX

TREE = yaml.safe_load((stack.CHECKOUT / "openapi.yaml").read_text(encoding="utf-8"))
SCHEMAS = TREE["components"]["schemas"]
OPERATIONS = {(path, method): operation for path, item in TREE["paths"].items() for method, operation in item.items()
              if method != "parameters"}
PATH = "/api/appointments/{id}"
NGINX_ALONE = {"rate_limited", "malformed_request", "uri_too_long"}


def source(name):
    (path,) = (stack.CHECKOUT / "Sources" / "OdysCore").rglob(name)
    return path.read_text(encoding="utf-8")


def resolve(node):
    while "$ref" in node:
        found = TREE
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        node = found
    return node


def problems(response):
    """The schemas of the errors that a response may hold."""
    schema = resolve(response)["content"]["application/problem+json"]["schema"]
    return [resolve(each) for each in schema.get("oneOf", [schema])]


def documented():
    """{code: schema} of every error that some operation names."""
    return {each["properties"]["code"]["const"]: each for operation in OPERATIONS.values()
            for status, response in operation["responses"].items() if "4" <= status < "6"
            for each in problems(response)}


def refusals():
    """{case: (status, code)}, from the exhaustive switch in Refusal.swift."""
    body = source("Refusal.swift").partition("var name: ")[2].partition("\n    }\n")[0]
    return {case: (int(status), code) for case, status, code in re.findall(r'case \.(\w+): \((\d+), "(\w+)"', body)}


def test_every_code_of_the_responder_is_documented_and_the_reverse():
    found = refusals()
    assert len(found) >= 18
    assert set(documented()) == {code for _, code in found.values()} | NGINX_ALONE
    for status, code in found.values():
        allowed = documented()[code]["properties"]["status"]
        assert status in allowed.get("enum", [allowed.get("const")]), code


def test_every_code_of_nginx_is_documented():
    text = (NGINX / "odys-http.conf").read_text(encoding="utf-8")
    table = text.partition("$odys_problem_code {")[2].partition("}")[0]
    found = dict(re.findall(r"^\s+(\d+|default)\s+(\w+);", table, re.MULTILINE))
    assert NGINX_ALONE <= set(found.values()) <= set(documented())
    for status, code in found.items():
        assert status in OPERATIONS[PATH, "patch"]["responses"] or status == "default", (status, code)


def test_errors_stand_at_their_status_and_have_their_members():
    for (path, method), operation in OPERATIONS.items():
        for status, response in operation["responses"].items():
            if not "4" <= status < "6":
                continue
            for each in problems(response):
                allowed, code = each["properties"]["status"], each["properties"]["code"]["const"]
                assert int(status) in allowed.get("enum", [allowed.get("const")]), (path, method, status)
                assert each["properties"]["type"]["const"] == f"urn:odys:problem:{code}"
                assert set(each.get("required", [])) == spec.EXTRA_MEMBERS.get(code, set())
            assert resolve(response)["content"].keys() == {"application/problem+json", "application/json"}
    assert set(SCHEMAS["Problem"]["required"]) == spec.PROBLEM_MEMBERS


def test_the_words_are_those_of_the_rules():
    assert tuple(SCHEMAS["ActionName"]["enum"]) == spec.ACTIONS
    assert tuple(SCHEMAS["Status"]["enum"]) == spec.STATUSES
    assert tuple(SCHEMAS["PaymentStatus"]["enum"]) == spec.PAYMENTS
    examples = OPERATIONS[PATH, "patch"]["requestBody"]["content"]["application/json"]["examples"]
    assert tuple(examples) == spec.ACTIONS
    assert tuple(each["value"]["action"] for each in examples.values()) == spec.ACTIONS


def test_the_operations_are_those_of_the_interface():
    assert set(OPERATIONS) == {(PATH, "patch"), (PATH, "get"), (PATH, "head"), (PATH, "options"),
                               *((f"{PATH}/history", method) for method in ("get", "head", "options"))}
    assert TREE["openapi"].startswith("3.1.") and set(TREE["components"]["securitySchemes"]) == {"bearer", "cookie"}
    asked = {resolve(each)["name"].lower() for each in OPERATIONS[PATH, "patch"]["parameters"]}
    (allowed,) = re.findall(r'"(authorization, [^"]+)"', source("RequestHead.swift"))
    assert asked | {"authorization", "content-type"} == set(allowed.split(", "))


def answers(odys):
    booking = odys.booking()
    head = odys.head(booking.professional, Origin=ORIGIN)
    confirm = b'{"action":"confirm"}'
    yield "patch", odys.request("PATCH", booking.path, {**head, "Idempotency-Key": "k"}, confirm)
    yield "patch", odys.request("PATCH", booking.path, {**head, "Idempotency-Key": "k"}, confirm)
    yield "patch", odys.request("PATCH", booking.path, {**head, "Idempotency-Key": "k"}, b'{"action":"paid"}')
    yield "patch", odys.request("PATCH", booking.path, head, confirm)
    yield "patch", odys.request("PATCH", booking.path, {**head, "If-Match": '"9"'}, b'{"action":"paid"}')
    yield "patch", odys.request("PATCH", booking.path, {**head, "Content-Type": "text/plain"}, confirm)
    yield "patch", odys.request("PATCH", booking.path, {"Origin": ORIGIN}, confirm)
    yield "patch", odys.request("PATCH", booking.path, head, b"x" * 20_000)
    yield "patch", odys.request("POST", booking.path, head, confirm)
    yield "get", odys.request("GET", booking.path, {**head, "If-Match": '"9"'})
    yield "head", odys.request("HEAD", booking.path, head)
    yield "head", odys.request("HEAD", booking.path)
    yield "options", odys.request("OPTIONS", booking.path, {"Origin": ORIGIN})
    yield "options", odys.request("OPTIONS", booking.path)


# What every HTTP server adds, and no description lists.
BY_ANY_SERVER = {"server", "date", "content-type", "content-length", "connection", "keep-alive", "transfer-encoding"}


def test_the_header_fields_of_the_answers_are_documented_and_the_reverse(quiet):
    seen = set()
    for method, answer in answers(quiet):
        responses = OPERATIONS[PATH, method]["responses"]
        response = resolve(responses.get(str(answer.status), responses.get("default")))
        known = {name.lower(): resolve(header) for name, header in response["headers"].items()}
        fields = {name.lower(): value for name, value in answer.headers if name.lower() not in BY_ANY_SERVER}
        assert set(fields) <= set(known), (method, answer)
        assert {name for name, header in known.items() if header.get("required")} <= set(fields), (method, answer)
        for name, value in fields.items():
            schema = known[name]["schema"]
            assert value == schema.get("const", value) and re.search(schema.get("pattern", ""), value), (name, value)
        seen |= set(fields)
    assert {"etag", "idempotency-replayed", "www-authenticate", "accept-patch", "allow"} <= seen


@pytest.mark.parametrize("name", ["Done", "Reading", "History"])
def test_the_shapes_of_success_have_the_members_of_the_interface(name):
    wanted = {"Done": {"success", "appointment", "messages"}, "Reading": {"appointment", "allowedActions", "notYet"},
              "History": {"events", "messages"}}[name]
    assert set(SCHEMAS[name]["required"]) == set(SCHEMAS[name]["properties"]) - {"more"} == wanted


def test_nginx_and_the_responder_have_one_title_for_a_code():
    text = (NGINX / "odys-http.conf").read_text(encoding="utf-8")
    table = text.partition("$odys_problem_title {")[2].partition("}")[0]
    titles = dict(re.findall(r'^\s+(\w+)\s+"(.+)";', table, re.MULTILINE))
    own = source("Refusal.swift")
    names = {code: case for case, (_, code) in refusals().items()}
    for code in titles.keys() & names.keys():
        explained = own.partition("var explanation")[2].partition(f"case .{names[code]}:")[2]
        assert re.findall(r'"([^"]+)"', explained)[0] == titles[code], code
    assert len(titles) == 8
