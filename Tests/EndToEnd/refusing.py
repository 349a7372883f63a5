"""The form of a refusal, and that it changes nothing."""

import contextlib

import spec


def problem(answer, code, status=None):
    """Asserts that the answer is this refusal in every member and header; returns its body."""
    wanted, error = spec.ERRORS[code]
    wanted = status or wanted
    assert answer.status == wanted, answer
    assert answer.header("Content-Type") == "application/problem+json", answer
    return members(answer, code, wanted, error)


def members(answer, code, status, error):
    body = answer.json()
    assert (body["code"], body["error"], body["status"]) == (code, error, status), body
    assert body["type"] == f"urn:odys:problem:{code}", body
    assert set(body) == spec.PROBLEM_MEMBERS | spec.EXTRA_MEMBERS.get(code, set()), body
    assert body["title"] and body["detail"]
    assert body["requestId"] == answer.header("X-Request-Id")
    assert answer.header("Content-Language") == "pt-BR, en", answer
    assert answer.header("Cache-Control") == "no-store"
    assert answer.header("ETag") is None
    return body


@contextlib.contextmanager
def nothing_written(odys):
    before = odys.contents()
    yield
    assert odys.contents() == before
