"""Commands, their options, which are made from declared parameters, and the parser of their words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any, Final, NamedTuple, get_args, get_origin

from renderer.cli.terminal import as_option, long_option
from renderer.errors import InputError
from renderer.parameters import WORDS, CheckedField, checked_fields, choices_of, spell, word_type

Values = dict[str, object]
"""The values that a command line specifies, by parameter."""

Run = Callable[[Sequence[str], Values], int | None]
"""Runs a command with its arguments and the values of its options. Returns the exit code; None: 0."""

_METAVARS: Final[dict[Any, str]] = {str: "TEXT", int: "NUMBER", float: "NUMBER", Path: "PATH"}
"""What help calls the value of an option, by its type, or by the first type in a union or tuple."""


@dataclass(frozen=True)
class Option:
    """An option of a command, as declared by a parameter."""

    field: CheckedField
    names: tuple[str, ...]  # such as --output and -o
    negative: str  # such as --no-mirror; "" unless the option is a flag that is on by default
    section: str  # of the help
    metavar: str  # what help calls the value; "" for a flag
    default: str  # as help shows it
    required: bool
    hidden: bool  # accepted, but not shown

    @property
    def name(self) -> str:
        """The name of the parameter."""
        return self.field.name

    @property
    def all_names(self) -> tuple[str, ...]:
        """All spellings, including the one that turns a flag off."""
        return (*self.names, self.negative) if self.negative else self.names

    @property
    def help(self) -> str:
        """The help text with the unit and the range; parameters in it are marked."""
        return self.field.info.sentence

    @property
    def choices(self) -> tuple[str, ...]:
        """The values that the parameter may have, if they can be listed."""
        return tuple(choices_of(self.field.hint))

    @property
    def is_repeatable(self) -> bool:
        """Whether each use of the option adds a value; otherwise the last one applies."""
        return get_origin(self.field.hint) is tuple and get_args(self.field.hint)[-1] is Ellipsis


class Argument(NamedTuple):
    """The words of a command that are not options."""

    usage: str  # "[COVER]", in brackets if it is optional, "FOLDER..." if there may be several
    help: str
    choices: tuple[str, ...] = ()
    default: str = ""  # as help shows it
    required: bool = False  # if False, a command may still report that it is missing

    @property
    def name(self) -> str:
        """The name without brackets and dots."""
        return self.usage.strip("[].")


@dataclass(frozen=True)
class Command:
    """A command, or a group of commands. Its options are made when they are needed, since all take 0.1 s to make."""

    words: str  # "still zoom"; "" for `render` itself
    about: str
    run: Run | None = None  # None: a group of commands
    argument: Argument | None = None
    groups: Mapping[str, type | tuple[type, ...]] = field(default_factory=dict)  # dataclasses of parameters, by section
    hidden: Sequence[type] = ()  # dataclasses whose options are accepted, but not shown
    own: type | None = None  # whose options the short help shows, except those that all animations have
    has_short_help: bool = False
    subcommands: Mapping[str, Callable[[], Command]] = field(default_factory=dict)
    animations: Callable[[], Mapping[str, Callable[[], Command]]] = dict  # further subcommands, one per animation

    @cached_property
    def options(self) -> tuple[Option, ...]:
        """The options in the order of the help."""
        shown = [
            option
            for title, owners in self.groups.items()
            for owner in (owners if isinstance(owners, tuple) else (owners,))
            for option in _options(owner, title)
        ]
        return (*shown, *(option for owner in self.hidden for option in _options(owner, "", hidden=True)))

    @cached_property
    def _by_animation(self) -> Mapping[str, Callable[[], Command]]:
        return self.animations()

    def names(self) -> list[str]:
        """Return the names of the subcommands."""
        return list({**self.subcommands, **self._by_animation})

    def find(self, name: str) -> Command | None:
        """Return a subcommand. Raises InputError for an animation that can't be loaded."""
        make = self.subcommands.get(name) or self._by_animation.get(name)
        return make() if make else None

    def all_subcommands(self, problems: list[str] | None = None) -> Iterator[Command]:
        """Yield the subcommands, without animations that can't be loaded: `problems` receives the reasons."""
        reasons = problems if problems is not None else []
        for name in sorted(self.subcommands.keys() & self._by_animation.keys()):
            reasons.append(f"The animation {name} was left out: a command has the same name")
        for name in self.names():
            try:
                found = self.find(name)
            except InputError as error:
                reasons.append(error.text)
            else:
                yield from [found] if found else []


def by_name(commands: Iterable[Command]) -> dict[str, Callable[[], Command]]:
    """Return commands as the subcommands of a group."""
    return {each.words.split()[-1]: partial(_itself, each) for each in commands}


def _itself(command: Command) -> Command:
    return command


def every_command(command: Command) -> Iterator[Command]:
    """Yield a command and all its subcommands, recursively."""
    yield command
    for each in command.all_subcommands():
        yield from every_command(each)


def find_command(root: Command, words: Sequence[str]) -> tuple[Command, list[str]]:
    """Return the command that the first words name, and the other words."""
    command, left = root, list(words)
    if left[:2] == ["sheet", "--all"]:
        left[1] = "all"
    while left and (found := command.find(left[0])) is not None:
        command = found
        left.pop(0)
    return command, left


@cache  # most commands share most of their dataclasses
def _options(owner: type, section: str, *, hidden: bool = False) -> tuple[Option, ...]:
    """Return an option for each declared parameter of a dataclass."""
    options = []
    defaults = {each.name: each.default for each in fields(owner) if "parameter" in each.metadata}
    for checked in checked_fields(owner):
        if checked.name in defaults:
            default, long_name, info = defaults[checked.name], long_option(checked.name), checked.info
            option = Option(
                checked,
                (long_name, info.option) if info.option else (long_name,),
                as_option(checked.name, "False") if default is True else "",
                section,
                _metavar(checked),
                shown_default(default),
                required=default is MISSING,
                hidden=hidden,
            )
            options.append(option)
    return tuple(options)


def _metavar(checked: CheckedField) -> str:
    """Return what help calls the value of an option; "" for a flag."""
    hint, single = checked.hint, word_type(checked.hint)
    if hint is bool:
        return ""
    first = next(iter(get_args(hint)), None)
    word = WORDS[single][0] if single is not None else _METAVARS.get(hint) or _METAVARS.get(first)
    return checked.info.metavar or word or "CHOICE"


def shown_default(default: object) -> str:
    """Return a default as help shows it: nothing for None, flags that are off, and empty lists."""
    if default is None or default is False or default == () or default is MISSING:
        return ""
    return "on" if default is True else spell(default)


# -- Parsing -------------------------------------------------------------------------------------------------------
# argparse would need as many lines: it treats values that start with a hyphen, and optional arguments between options,
# differently in different versions of Python, and its messages do not name the fix.


def parse(root: Command, command: Command, words: Sequence[str]) -> tuple[list[str], Values]:
    """Return the arguments of a command, and the values of its options by parameter, in the order of the options.

    The forms are `--name value`, `--name=value`, `-o value`, `-o=value` and `-ovalue`; flags can be joined: `-yq`. A
    value that starts with a hyphen must be joined by =, unless it is a number or only a hyphen. After `--`, all words
    are arguments. Raises InputError.
    """
    from renderer.cli import usage_errors

    options = {name: option for option in command.options for name in option.all_names}
    arguments: list[str] = []
    flags: list[str] = []  # for each argument, the flag directly before it, or ""
    flag = ""
    values: Values = {}
    left = list(words)
    while left:
        word = left.pop(0)
        if word == "--":
            arguments += left
            flags += [""] * len(left)
            break
        if not _is_option(word):
            arguments.append(word)
            flags.append(flag)
            flag = ""
            continue
        flag = ""
        name, joined, text = word.partition("=")
        if name not in options and word[:2] in options:
            name, joined, text = word[:2], word[2:], word[2:]
            if not options[name].metavar:  # the first of several flags
                left.insert(0, f"-{text}")
                joined = ""
        option = options.get(name)
        if option is None:
            raise InputError(usage_errors.unknown_option(root, command, name))
        if not option.metavar:
            if joined:
                raise InputError(usage_errors.value_of_flag(name, text or "="))
            values[option.name] = name != option.negative
            flag = name
            continue
        if not joined:
            if not left or _is_option(left[0]):
                raise InputError(usage_errors.missing_value(command, option, name))
            text = left.pop(0)
        value = option.field.check((text,) if option.is_repeatable else text, lenient=True)
        before = values.get(option.name) if option.is_repeatable else None
        values[option.name] = (*before, *value) if isinstance(before, tuple) and isinstance(value, tuple) else value
    usage_errors.check_arguments(command, arguments, values, flags)
    return arguments, {each.name: values[each.name] for each in command.options if each.name in values}


def _is_option(word: str) -> bool:
    """Whether a word has the form of an option: it starts with a hyphen, and is neither one hyphen nor a number."""
    if len(word) < 2 or word[0] != "-":
        return False
    try:
        float(word)
    except ValueError:
        return True
    return False
