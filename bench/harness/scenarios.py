"""All scenarios, by their names."""

from .calls import Calls
from .churn import Churn
from .echo import Echo
from .idle import Idle
from .one_way import Receive, Send
from .udp import Udp

SCENARIOS = {scenario.name: scenario for scenario in (Echo(), Churn(), Idle(), Calls(), Udp(), Send(), Receive())}
