"""Spares Copier what it does again for every rendering of a run, and what does nothing here.

Of the 0.8 s of CPU that a rendering takes, 0.6 s go to compiling the same Jinja texts, to parsing the same YAML and
to asking Git, file by file, for `core.fileMode`; of the rest, half to putting the same answers together for each part
of each path. A test in tests/render compares the result with Copier's own command.
"""

import copy
from functools import partial
from pathlib import Path
from typing import Any

import copier._main
import copier._template
import jinja2
import yaml

_compiled: dict[tuple[Any, ...], Any] = {}
_configs: dict[tuple[Any, ...], dict[str, Any]] = {}
_compile = jinja2.Environment.compile
_load = copier._template.load_template_config
_render_template = copier._main.Worker._render_template


def compiled(
    self: jinja2.Environment, source: Any, name: str | None = None, filename: str | None = None, **more: Any
) -> Any:
    """Jinja's `compile`, once for each text under the same settings; `filename` is there for tracebacks alone."""
    if not isinstance(source, str):
        return _compile(self, source, name, filename, **more)
    delimiters = (self.block_start_string, self.variable_start_string, self.comment_start_string)
    white_space = (self.trim_blocks, self.lstrip_blocks, self.keep_trailing_newline)
    settings = (type(self), self.autoescape, self.optimized, delimiters, white_space, *sorted(self.extensions))
    known = (source, name, *sorted(more.items()), settings)
    if known not in _compiled:
        _compiled[known] = _compile(self, source, name, filename, **more)
    return _compiled[known]


def loaded(conf_path: Path, quiet: bool = False) -> dict[str, Any]:
    """Copier's `load_template_config`, once for each state of the files that it reads."""
    files = [conf_path, *sorted(conf_path.parent.glob("template/*/*.yml"))]
    known = tuple((str(file.relative_to(conf_path.parent)), file.read_bytes()) for file in files)
    if known not in _configs:
        _configs[known] = _load(conf_path, quiet)
    return copy.deepcopy(_configs[known])


def with_one_context(self: copier._main.Worker) -> None:
    """Copier's `_render_template`: the answers, which it reads for every part of every path, are all given by then."""
    context = self._render_context()
    conf = dict(context["_copier_conf"])
    # one of its own for each, for Copier writes into it
    self._render_context = lambda: {**context, "_copier_conf": dict(conf)}  # type: ignore[method-assign]
    try:
        _render_template(self)
    finally:
        del self._render_context


def install() -> None:
    """Lets every rendering of this process be quick."""
    jinja2.Environment.compile = compiled  # type: ignore[assignment, method-assign]
    copier._template.load_template_config = loaded
    copier._main.Worker._render_template = with_one_context  # type: ignore[method-assign]
    # Acts where core.fileMode is false, which is Git's default on Windows alone.
    assert hasattr(copier._main.Worker, "_sync_git_index_executable_bit")
    copier._main.Worker._sync_git_index_executable_bit = lambda *_: None  # type: ignore[method-assign]
    # The tests read the same files again and again; the C parser takes a tenth of the time for the same result.
    yaml.safe_load = partial(yaml.load, Loader=yaml.CSafeLoader)
