"""Steps as JSON documents, as a plan has them; every view draws from these."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omconf.actions import Health, Manual, Put, Remove, Run, Service

if TYPE_CHECKING:
    from omconf.actions import Action, Step

Document = dict[str, Any]


def step(number: int, of: Step) -> Document:
    """Write a step; `step` counts from 1."""
    return {
        "step": number,
        "nodes": list(of.nodes),
        "why": of.why,
        "actions": [action(each) for each in of.actions],
        "undo": [action(each) for each in of.undo],
    }


def action(of: Action) -> Document:
    """Write an action, its `type` first; times are in seconds."""
    result: Document
    match of:
        case Put(paths):
            return {"type": "put", "paths": list(paths)}
        case Remove(paths):
            return {"type": "remove", "paths": list(paths)}
        case Run(argv, timeout):
            return {"type": "run", "argv": list(argv), "timeout": timeout}
        case Service(do, unit, timeout, apart):
            result = {"type": "service", "do": do, "unit": unit, "timeout": timeout}
            if apart is not None:
                result["apart"] = apart
            return result
        case Health(timeout, interval):
            return {"type": "health", "timeout": timeout, "interval": interval}
        case Manual(who, text, files, check, login):
            result = {"type": "manual", "who": who, "text": text, "files": list(files)}
            if check is not None:
                result["check"] = action(check)
            if login:
                result["login"] = True
            return result
