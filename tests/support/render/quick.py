"""Spares Copier what it does again for every rendering of a run, and what does nothing here.

Of the 0.8 s of CPU that a rendering takes, 0.6 s go to compiling the same Jinja texts, to parsing the same YAML and
to asking Git, file by file, for `core.fileMode`; of the rest, half to putting the same answers together for each part
of each path. An update clones the template six times. A test in tests/render compares the result with Copier's own
command.
"""

import atexit
import copy
import subprocess
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import copier._main
import copier._template
import copier._vcs
import jinja2
import yaml

_compiled: dict[tuple[Any, ...], Any] = {}
_clones: dict[tuple[str, ...], TemporaryDirectory[str]] = {}
CLONES = 8  # kept at once; an update needs two
_configs: dict[tuple[Any, ...], dict[str, Any]] = {}
_compile = jinja2.Environment.compile
_load = copier._template.load_template_config
_render_template = copier._main.Worker._render_template
_render_string = copier._main.Worker._render_string
_clone = copier._vcs.clone


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
    """Copier's `_render_template`: the answers, which it reads for every part of every path, are all given by then.

    So a part of a path, such as a folder's name, is rendered once; this template's paths have no `{% yield %}`.
    """
    context = self._render_context()
    conf = dict(context["_copier_conf"])
    parts: dict[str, str] = {}

    def rendered(text: str, extra_context: dict[str, Any] | None = None) -> str:
        if extra_context:
            return _render_string(self, text, extra_context)
        if text not in parts:
            parts[text] = _render_string(self, text)
        return parts[text]

    # one of its own for each, for Copier writes into it
    self._render_context = lambda: {**context, "_copier_conf": dict(conf)}  # type: ignore[method-assign]
    self._render_string = rendered  # type: ignore[assignment, method-assign]
    try:
        _render_template(self)
    finally:
        del self._render_context, self._render_string


def cloned(url: str, ref: str = "HEAD", location: str | None = None) -> str:
    """Copier's `clone`, once for each state of a repository of this machine: Copier only reads what it has cloned."""
    asked = subprocess.run(["git", "-C", url, "show-ref", "--head"], capture_output=True, text=True, check=False)
    if asked.returncode != 0 or ref == "HEAD":  # which takes changes that are not committed, too
        return str(_clone(url, ref, location))
    known = (url, ref, asked.stdout)
    if known not in _clones:
        if len(_clones) == CLONES:
            _clones.pop(next(iter(_clones))).cleanup()
        _clones[known] = TemporaryDirectory(prefix="template-")
        atexit.register(_clones[known].cleanup)
        _clone(url, ref, _clones[known].name)
    return _clones[known].name


def install() -> None:
    """Lets every rendering of this process be quick."""
    jinja2.Environment.compile = compiled  # type: ignore[assignment, method-assign]
    copier._template.load_template_config = loaded
    copier._main.Worker._render_template = with_one_context  # type: ignore[method-assign]
    copier._template.clone = cloned  # type: ignore[attr-defined]
    # Acts where core.fileMode is false, which is Git's default on Windows alone.
    assert hasattr(copier._main.Worker, "_sync_git_index_executable_bit")
    copier._main.Worker._sync_git_index_executable_bit = lambda *_: None  # type: ignore[method-assign]
    # The tests read the same files again and again; the C parser takes a tenth of the time for the same result.
    yaml.safe_load = partial(yaml.load, Loader=yaml.CSafeLoader)
