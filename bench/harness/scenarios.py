"""All scenarios, by their names."""

from .churn import Churn
from .echo import Echo
from .udp import Udp

SCENARIOS = {scenario.name: scenario for scenario in (Echo(), Churn(), Udp())}
