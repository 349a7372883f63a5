"""Request bodies: which are accepted, which are refused, and how a reason is stored."""

import json

import pytest

from refusing import nothing_written, problem

DEEP = 10_000
MALFORMED = {
    "empty": b"",
    "blank": b"  ",
    "not JSON": b"action=confirm",
    "cut off": b'{"action":"confirm"',
    "something behind": b'{"action":"confirm"}x',
    "two objects": b'{"action":"confirm"}{"action":"confirm"}',
    "comma at the end": b'{"action":"confirm",}',
    "comment": b'{"action":"confirm"/**/}',
    "single quotes": b"{'action':'confirm'}",
    "bare name": b'{action:"confirm"}',
    "byte order mark": b'\xef\xbb\xbf{"action":"confirm"}',
    "UTF-16": '{"action":"confirm"}'.encode("utf-16"),
    "bad UTF-8": b'{"action":"confirm","reason":"\xff"}',
    "overlong UTF-8": b'{"action":"confirm","reason":"\xc0\xaf"}',
    "surrogate in UTF-8": b'{"action":"confirm","reason":"\xed\xa0\x80"}',
    "bad UTF-8 in a name": b'{"action":"confirm","\xff":1}',
    "lone high surrogate": rb'{"action":"confirm","reason":"\ud800"}',
    "lone low surrogate": rb'{"action":"confirm","reason":"\udc00x"}',
    "high surrogate twice": rb'{"action":"confirm","reason":"\ud800\ud800"}',
    "bad escape": rb'{"action":"confirm","reason":"\x41"}',
    "raw newline in a text": b'{"action":"confirm","reason":"a\nb"}',
    "raw NUL in a text": b'{"action":"confirm","reason":"a\x00b"}',
    "NUL behind": b'{"action":"confirm"}\x00',
    "NaN": b'{"action":"confirm","x":NaN}',
    "Infinity": b'{"action":"confirm","x":Infinity}',
    "1e999": b'{"action":"confirm","x":1e999}',
    "01": b'{"action":"confirm","x":01}',
    "+1": b'{"action":"confirm","x":+1}',
    ".5": b'{"action":"confirm","x":.5}',
    "1.": b'{"action":"confirm","x":1.}',
    "True": b'{"action":"confirm","x":True}',
    "null": b"null",
    "text": b'"confirm"',
    "number": b"1",
    "array": b'[{"action":"confirm"}]',
    "no action": b'{"reason":"x"}',
    "empty object": b"{}",
    "action in another case": b'{"Action":"confirm"}',
    "action null": b'{"action":null}',
    "action number": b'{"action":1}',
    "action array": b'{"action":["confirm"]}',
    "action object": b'{"action":{"action":"confirm"}}',
    "action bool": b'{"action":true}',
    "action twice": b'{"action":"confirm","action":"confirm"}',
    "action twice, once escaped": rb'{"action":"confirm","\u0061ction":"cancel"}',
    "reason twice": b'{"action":"cancel","reason":"a","reason":"b"}',
    "unknown member twice": b'{"action":"confirm","x":1,"x":2}',
    "twice, deeper": b'{"action":"confirm","x":{"y":1,"y":2}}',
    "reason number": b'{"action":"cancel","reason":1}',
    "reason bool": b'{"action":"cancel","reason":false}',
    "reason array": b'{"action":"cancel","reason":["x"]}',
    "reason object": b'{"action":"cancel","reason":{}}',
    "reason of 501": json.dumps({"action": "cancel", "reason": "x" * 501}).encode(),
    "reason of 501 emoji": json.dumps({"action": "cancel", "reason": "🙂" * 501}, ensure_ascii=False).encode(),
    "reason with BEL": rb'{"action":"cancel","reason":"a\u0007b"}',
    "reason with NUL": rb'{"action":"cancel","reason":"a\u0000b"}',
    "reason with ESC": rb'{"action":"cancel","reason":"\u001b[31mred"}',
    "reason with DEL": rb'{"action":"cancel","reason":"a\u007fb"}',
    "reason with C1": rb'{"action":"cancel","reason":"a\u0085b"}',
    "deep array": b'{"action":"confirm","x":' + b"[" * (DEEP // 2) + b"]" * (DEEP // 2) + b"}",
    "deep, never closed": b"[" * DEEP,
    "deep objects": b'{"x":' * 2_500 + b"1" + b"}" * 2_500,
    "16 KiB of a bracket": b"[" * 16_384,
    "16 KiB of a quote": b'"' * 16_384,
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_body_is_refused(quiet, body):
    booking = quiet.booking()
    with nothing_written(quiet):
        problem(quiet.send(booking, booking.professional, body), "malformed_body")


GOOD = {
    "unknown members": b'{"action":"confirm","x":1,"y":{"z":[null,true,1.5e3]},"":""}',
    "white space": b' \r\n\t{ "action" : "confirm" } \n',
    "escaped action": rb'{"\u0061ction":"c\u006fnfirm"}',
    "reason null": b'{"action":"confirm","reason":null}',
    "no reason": b'{"action":"confirm"}',
    "large number": b'{"action":"confirm","x":123456789012345678901234567890}',
    "nested thirty deep": b'{"action":"confirm","x":' + b"[" * 30 + b"]" * 30 + b"}",
    "exactly 16 KiB": b'{"action":"confirm"}'.ljust(16_384),
    "chunked": iter([b'{"action":', b'"confirm"}']),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_good_body_is_read(quiet, name):
    booking = quiet.booking()
    answer = quiet.send(booking, booking.professional, GOOD[name])
    assert answer.status == 200, answer


REASONS = {
    "kept as it is": ("Não consigo às 9h — desculpe 🙂", "Não consigo às 9h — desculpe 🙂"),
    "newline and tab": ("um\ndois\ttrês", "um dois três"),
    "500 letters": ("x" * 500, "x" * 500),
    "500 emoji": ("🙂" * 500, "🙂" * 500),
    "decomposed": ("na\u0303o", "na\u0303o"),
    "quotes": ("'; DROP TABLE outbox; -- \\\"", "'; DROP TABLE outbox; -- \\\""),
    "null": (None, None),
}


@pytest.mark.parametrize("sent, kept", REASONS.values(), ids=REASONS)
@pytest.mark.parametrize("action", ["reject", "cancel", "no_show"])
def test_a_reason_is_stored_with_the_event(quiet, action, sent, kept):
    booking = quiet.booking()
    quiet.act(booking, action, reason=sent)
    assert quiet.events(booking)[0]["reason"] == kept


@pytest.mark.parametrize("sent", ["", "   ", "\n\t"], ids=repr)
def test_a_blank_reason_is_none(quiet, sent):
    booking = quiet.booking()
    quiet.act(booking, "reject", reason=sent)
    assert quiet.events(booking)[0]["reason"] is None


def test_a_surrogate_pair_is_one_character(quiet):
    booking = quiet.booking()
    answer = quiet.send(booking, booking.professional, rb'{"action":"reject","reason":"\ud83d\ude42"}')
    assert answer.status == 200 and quiet.events(booking)[0]["reason"] == "🙂"


def test_an_escaped_newline_becomes_a_space(quiet):
    booking = quiet.booking()
    quiet.send(booking, booking.professional, rb'{"action":"reject","reason":"a\nb\tc\r\nd\re"}')
    assert quiet.events(booking)[0]["reason"] == "a b c d e"


@pytest.mark.parametrize("body", [b"{}".ljust(16_385), b"x" * 100_000, iter([b"x" * 10_000] * 3)],
                         ids=["16 KiB and one byte", "100 KB", "chunked"])
def test_a_body_above_16_kib_is_413(quiet, body):
    booking = quiet.booking()
    with nothing_written(quiet):
        problem(quiet.send(booking, booking.professional, body), "body_too_large")


@pytest.mark.parametrize("content_type", [
    "application/json", "application/json; charset=utf-8", "APPLICATION/JSON", "application/json;charset=UTF-8;x=y",
    " application/json ", "application/json ;charset=utf-8"])
def test_json_with_any_parameters_is_accepted(quiet, content_type):
    booking = quiet.booking()
    assert quiet.patch(booking, booking.professional, "confirm", Content_Type=content_type).status == 200


@pytest.mark.parametrize("content_type", [
    None, "", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/json",
    "application/jsonp", "application/json-patch+json", "application/merge-patch+json", "json", "*/*",
    "application/json, text/plain", "text/plain; application/json"], ids=repr)
def test_another_content_type_is_415(quiet, content_type):
    booking = quiet.booking()
    with nothing_written(quiet):
        answer = quiet.patch(booking, booking.professional, "confirm", Content_Type=content_type)
        problem(answer, "unsupported_media_type")
    assert answer.header("Accept-Patch") == "application/json"


@pytest.mark.parametrize("second", ["application/json", "text/plain"])
def test_a_repeated_content_type_is_400(quiet, second):
    booking = quiet.booking()
    with nothing_written(quiet):
        answer = quiet.raw_patch(booking, [
            "Content-Type: application/json", f"Content-Type: {second}",
            f"Authorization: Bearer {quiet.token(booking.professional.user_id)}"])
    assert answer.status == 400, answer
    assert answer.json()["code"] in ("invalid_header", "malformed_request")


@pytest.mark.parametrize("length", ["-1", "x", "5, 5", "99999999999999999999"])
def test_a_length_that_is_none_is_refused_by_nginx(quiet, length):
    booking = quiet.booking()
    with nothing_written(quiet):
        answer = quiet.raw(
            f"PATCH {booking.path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Content-Length: {length}\r\nConnection: close\r\n\r\n{{}}".encode())
    assert answer.status in (400, 413) and answer.json()["code"] in ("malformed_request", "body_too_large")
