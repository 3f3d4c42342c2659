"""What stands out about the target."""

import json

from componentize_py_types import Err
from wit_world.imports import findings as _findings

from stresshost.workload import Failure


def report(rule: str, severity: str, message: str, **more: str) -> None:
    """Reports a finding; the same rule, location and message again is counted.

    ``severity`` is ``info``, ``low``, ``medium``, ``high`` or ``critical``; ``more`` may be ``location``, ``evidence``,
    ``confidence`` (``confirmed`` or ``suspected``) and ``remedy``.

    Raises:
        Failure: a field is not what it should be, or there are too many different findings.
    """
    try:
        _findings.report(json.dumps({"rule": rule, "severity": severity, "message": message, **more}))
    except Err as error:
        raise Failure("finding", error.value) from None
