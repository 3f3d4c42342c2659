"""What an author writes: a workload, and the values its methods take."""

from dataclasses import asdict, dataclass
from typing import Any

from stresshost import load

Json = Any


@dataclass(frozen=True)
class VuInfo:
    """Which virtual user an instance is."""

    id: int
    """0 and up, unique within the phase, over all cores and machines."""
    count: int
    """Number of virtual users of the phase."""


@dataclass(frozen=True)
class Iteration:
    """One iteration to do."""

    scenario: int
    """Index of the scenario in the plan."""
    number: int
    """Number of the iteration within the scenario: 0 and up, each given to one virtual user."""


class Failure(Exception):
    """Why an iteration or a set-up did not reach its aim. It is counted and reported; it is no fault of the plugin.

    ``code`` is short and stable, for grouping: ``check``, ``extract``, ``expectation`` or a word of your own;
    ``message`` is one sentence for people.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Problem:
    """Something wrong with the user's arguments or config."""

    path: str
    """Where: a flag (``--vus``), an argument's name, or a JSON pointer into the config."""
    message: str
    hint: str = ""


class Problems(Exception):
    """Every problem of the input at once; raised by :meth:`Workload.plan`."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__(*problems)
        self.problems = [asdict(problem) for problem in problems]


class Workload:
    """A workload. The order of the calls:

    ``describe``, ``plan``; ``setup`` once; per phase ``setup_phase``, per virtual user ``start``, many times
    ``iterate``, ``finish``, then ``teardown_phase``; ``teardown`` once; ``analyze``. The class methods among them run
    in instances that do no load; ``describe``, ``plan`` and ``analyze`` can do no I/O.

    Only :meth:`iterate` must be written: by default a workload takes a URL and the load flags, and its ``start`` is
    handed ``{"url": URL}``.
    """

    name: str = ""
    """Lower-case letters, digits and hyphens."""
    version: str = "0.1.0"
    summary: str = ""
    """One line for listings and ``--help``."""

    @classmethod
    def describe(cls) -> Json:
        """Fields of the descriptor (schema ``stresshost.descriptor/1``) besides name, version and summary."""
        url = {"name": "URL", "help": "Base URL of the target", "required": True, "target": True}
        return {"positionals": [url], "flags": load.LOAD_FLAGS}

    @classmethod
    def plan(cls, given: Json) -> Json:
        """Makes the plan (schema ``stresshost.plan/1``) of the plan input: ``args``, ``flags``, ``config``.

        Raises:
            Problems: every problem of the input at once.
        """
        return load.plan(cls.name, given, {"url": given["args"][0].rstrip("/")})

    @classmethod
    def setup(cls, context: Json) -> Json:
        """Runs once before the load, with ``run_id``, ``seed`` and the plan's ``workload``. What it returns, which
        must be JSON, goes to each ``setup_phase`` and to ``teardown``."""
        return context["workload"]

    @classmethod
    def setup_phase(cls, context: Json) -> Json:
        """Runs once a phase, with ``phase`` and what ``setup`` returned as ``shared``. What it returns goes to every
        virtual user of the phase."""
        return context["shared"]

    def start(self, vu: VuInfo, shared: Json) -> None:
        """Begins a virtual user: the place to prepare requests and register checks and metrics."""

    def iterate(self, iteration: Iteration) -> None:
        """Does one iteration: the hot call.

        Raises:
            Failure: the iteration did not reach its aim.
        """
        raise NotImplementedError("a workload writes `iterate`")

    def finish(self) -> None:
        """Runs after the virtual user's last iteration."""

    @classmethod
    def teardown_phase(cls, shared: Json) -> None:
        """Runs once a phase, after its last virtual user."""

    @classmethod
    def teardown(cls, shared: Json) -> None:
        """Runs once after the load, with what ``setup`` returned."""

    @classmethod
    def analyze(cls, summary: Json) -> Json:
        """Reads the summary (schema ``stresshost.summary/1``) and returns fields of an analysis
        (schema ``stresshost.analysis/1``): ``findings``, ``recommendations``, ``sections``."""
        return {}
