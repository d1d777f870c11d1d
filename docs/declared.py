"""Document the fields of dataclasses on the Python page: by their `parameter` declaration, or by their comment."""

from __future__ import annotations

import dataclasses
import importlib
from typing import Any

import griffe

from renderer.parameters import parameters


class Declared(griffe.Extension):
    """Gives fields a docstring: a parameter's help, unit and range, or the comment on the field's line."""

    def on_class_members(self, *, cls: griffe.Class, **_kwargs: Any) -> None:
        """Add docstrings to the fields of a class that has been loaded."""
        loaded = getattr(importlib.import_module(cls.module.path), cls.name, None)
        if not dataclasses.is_dataclass(loaded):
            return
        own = parameters(loaded)
        for field in dataclasses.fields(loaded):
            member = cls.members.get(field.name)
            if not isinstance(member, griffe.Attribute) or member.has_docstring:
                continue
            if field.name in own:
                text, member.value = own[field.name].sentence, repr(field.default)
            else:
                text = member.lines[0].partition("  # ")[2]
            member.docstring = griffe.Docstring(text, parent=member) if text else None
