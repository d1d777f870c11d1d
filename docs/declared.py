"""For the Python page: what the code says of a field, in `parameter` or in the comment behind it, documents it."""

from __future__ import annotations

import dataclasses
import importlib
from typing import Any

import griffe

from renderer.parameters import parameters


class Declared(griffe.Extension):
    """Fields of dataclasses have a docstring: a parameter's words, unit and range, or the comment on their line."""

    def on_class_members(self, *, cls: griffe.Class, **_kwargs: Any) -> None:
        """Of each class, when it has been read."""
        declared = getattr(importlib.import_module(cls.module.path), cls.name, None)
        if not dataclasses.is_dataclass(declared):
            return
        own = parameters(declared)
        for field in dataclasses.fields(declared):
            member = cls.members.get(field.name)
            if not isinstance(member, griffe.Attribute) or member.has_docstring:
                continue
            if field.name in own:
                says, member.value = own[field.name].sentence, repr(field.default)
            else:
                says = member.lines[0].partition("  # ")[2]
            member.docstring = griffe.Docstring(says, parent=member) if says else None
