"""Nothing that shows, stores or walks objects gets at a secret's value by accident."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import io
import json
import logging
import pickle
import pprint
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pydantic
import pydantic_core
import pytest
from deepdiff import DeepDiff, DeepHash
from mypy import api as mypy

from omconf.secret_sources import Secrets, Unresolved
from omconf.secrets import HIDDEN, Secret

VALUE = "c0rrect-h0rse-b4ttery"
OTHER = "st4ple-in-its-place"


@dataclass
class Holder:
    secret: Secret
    many: list[Secret] = field(default_factory=list)


def holder() -> Holder:
    return Holder(Secret(VALUE), [Secret(VALUE)])


SHOWN: dict[str, Callable[[], str]] = {
    "str": lambda: str(Secret(VALUE)),
    "repr": lambda: repr(Secret(VALUE)),
    "ascii": lambda: ascii(Secret(VALUE)),
    "f-string": lambda: f"{Secret(VALUE)}",
    "f-string with a width": lambda: f"{Secret(VALUE):>40}",
    "f-string with any spec": lambda: f"{Secret(VALUE):no such spec}",
    "f-string of its repr": lambda: f"{Secret(VALUE)!r:^60}",
    "f-string that says its name": lambda: f"{Secret(VALUE)=}",
    "format": lambda: "{0!s} {0:x}".format(Secret(VALUE)),
    "percent s": lambda: "%s" % Secret(VALUE),  # noqa: UP031
    "percent r": lambda: "%r" % (Secret(VALUE),),  # noqa: UP031
    "percent by name": lambda: "%(p)s" % {"p": Secret(VALUE)},  # noqa: UP031
    "list": lambda: str([Secret(VALUE)]),
    "dict": lambda: f"{ {'password': Secret(VALUE)} }",
    "dataclass": lambda: repr(holder()),
    "pprint": lambda: pprint.pformat([holder()], width=1),
    "exception": lambda: str(ValueError(Secret(VALUE))),
    "the secrets of a spec": lambda: repr(Secrets({}).all()) + repr(vars(_read())),
    "pydantic, what it does not know": lambda: pydantic_core.to_json(
        holder(), serialize_unknown=True
    ).decode(),
    "json with a default": lambda: json.dumps([Secret(VALUE)], default=str),
}


def _read() -> Secrets:
    secrets = Secrets({})
    secrets._known["database.password"] = Secret(VALUE)
    return secrets


@pytest.mark.parametrize("way", SHOWN)
def test_it_is_hidden(way: str) -> None:
    shown = SHOWN[way]()
    assert VALUE not in shown
    assert HIDDEN in shown


REFUSED: dict[str, Callable[[], Any]] = {
    "copy": lambda: copy.copy(Secret(VALUE)),
    "deepcopy": lambda: copy.deepcopy({"deep": [holder()]}),
    "asdict": lambda: dataclasses.asdict(holder()),
    "json": lambda: json.dumps({"password": Secret(VALUE)}),
    "json of attributes": lambda: json.dumps(Secret(VALUE), default=vars),
    "pydantic to_json": lambda: pydantic_core.to_json(holder()),
    "pydantic to_jsonable_python": lambda: pydantic_core.to_jsonable_python([Secret(VALUE)]),
    "hash": lambda: hash(Secret(VALUE)),
    "set": lambda: {Secret(VALUE)},
    "text": lambda: "password=" + Secret(VALUE),  # type: ignore[operator]
    "join": lambda: ",".join([Secret(VALUE)]),  # type: ignore[list-item]
    "bytes": lambda: bytes(Secret(VALUE)),  # type: ignore[call-overload]
    "write": lambda: io.StringIO().write(Secret(VALUE)),  # type: ignore[arg-type]
    "iteration": lambda: list(Secret(VALUE)),  # type: ignore[call-overload]
    **{
        f"pickle by protocol {n}": lambda n=n: pickle.dumps(holder(), n)  # type: ignore[misc]
        for n in range(pickle.HIGHEST_PROTOCOL + 1)
    },
}


@pytest.mark.parametrize("way", REFUSED)
def test_it_is_refused(way: str) -> None:
    with pytest.raises((TypeError, pydantic_core.PydanticSerializationError)) as refused:
        REFUSED[way]()
    assert VALUE not in "".join(traceback.format_exception(refused.value))


def test_deepdiff_sees_no_value() -> None:
    before, after = {"a": [Secret(VALUE)]}, {"a": [Secret(OTHER)]}
    for options in ({}, {"ignore_order": True}, {"view": "tree"}, {"verbose_level": 2}):
        difference = DeepDiff(before, after, ignore_private_variables=False, **options)
        shown = repr(difference) + difference.pretty() + difference.to_json(default_mapping={})
        assert VALUE not in shown
        assert OTHER not in shown
    secrets = [Secret(VALUE), Secret(OTHER)]
    hashes = [DeepHash(secret, ignore_private_variables=False) for secret in secrets]
    assert VALUE not in str(hashes)
    digests = [found[secret] for found, secret in zip(hashes, secrets, strict=True)]
    assert digests[0] == digests[1], "a digest tells of no value"


def test_no_attribute_holds_it() -> None:
    secret = Secret(VALUE)
    for name, found in inspect.getmembers(secret):
        assert name == "reveal" or VALUE not in repr(found)
        assert VALUE not in str(getattr(found, "__dict__", ""))
    assert VALUE not in repr(secret.__getstate__())


def test_a_pydantic_model_shows_none() -> None:
    class Model(pydantic.BaseModel):
        model_config = pydantic.ConfigDict(arbitrary_types_allowed=True)
        secret: Secret
        port: int = 0

    model = Model(secret=Secret(VALUE))
    assert VALUE not in f"{model} {model!r} {model.model_dump()}"
    with pytest.raises(pydantic_core.PydanticSerializationError):
        model.model_dump_json()
    with pytest.raises(pydantic.ValidationError) as wrong:
        Model.model_validate({"secret": Secret(VALUE), "port": Secret(OTHER)})
    assert OTHER not in str(wrong.value)
    assert HIDDEN in str(wrong.value)


def test_a_traceback_with_locals_hides_it() -> None:
    def fail(secret: Secret, held: Holder) -> None:
        both = {"secret": secret, "equal": secret == Secret(OTHER)}
        raise RuntimeError("while one is at hand", secret, held, both)

    try:
        fail(Secret(VALUE), holder())
    except RuntimeError as error:
        shown = "".join(
            traceback.TracebackException.from_exception(error, capture_locals=True).format()
        )
    assert "both = {" in shown
    assert HIDDEN in shown
    assert VALUE not in shown.replace(f"VALUE = {VALUE!r}", "")
    assert OTHER not in shown.replace(f"OTHER = {OTHER!r}", "")


def test_a_comparison_that_fails_shows_no_locals(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr("omconf.secrets.hmac.compare_digest", interrupted)
    secret, other = Secret(VALUE), Secret(OTHER)
    with pytest.raises(KeyboardInterrupt) as failed:
        assert secret == other
    frames = traceback.TracebackException.from_exception(failed.value, capture_locals=True).stack
    (inside,) = (frame for frame in frames if frame.name == "__eq__")
    assert inside.locals == {"self": HIDDEN, "other": HIDDEN}


def test_logs_hide_it(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("omconf").warning("read %s of %r", Secret(VALUE), holder())
        logging.getLogger("omconf").warning(Secret(VALUE))
    assert VALUE not in caplog.text
    assert caplog.text.count(HIDDEN) == 4


def test_it_is_compared_by_value_and_with_secrets_alone() -> None:
    assert Secret(VALUE) == Secret(VALUE)
    assert Secret(VALUE) != Secret(OTHER)
    assert Secret("ä\udcff") == Secret("ä\udcff")
    assert Secret(VALUE) != VALUE
    assert Secret(VALUE).reveal() == VALUE
    assert Unresolved("x") != Secret("x")


def test_mypy_refuses_it_as_text(tmp_path: Path) -> None:
    mistakes = {
        "arg-type": "open('file', 'w').write(secret)",
        "operator": "'password=' + secret",
        "list-item": "','.join([secret])",
        "call-overload": "print('x', file=open(secret))",
        "return-value": "def text() -> str:\n    return secret",
        "truthy-bool": "if secret:\n    pass",
    }
    for name, mistake in mistakes.items():
        (tmp_path / f"{name.replace('-', '_')}.py").write_text(
            f"from omconf.secrets import Secret\n\nsecret = Secret('x')\n{mistake}\n"
        )
    said, _, _ = mypy.run([str(tmp_path), "--cache-dir", str(tmp_path / "cache")])
    for name in mistakes:
        assert f"[{name}]" in said, said
