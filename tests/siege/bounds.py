"""What a siege may do to the others, and how long anything may take; each number with its reason."""

from __future__ import annotations

from typing import Final

# --- what the innocents may notice -----------------------------------------------------------
GAP_P99_MS: Final = 100.0
"""How much later than its interval a turn may come: a chart that is redrawn each second does not show it."""

LATENCY_P99_MS: Final = 50.0
"""Of a kept connection's answers: a client that polls each second with a time-out of one never sees it."""

NEWCOMER_SECONDS: Final = 5.0
"""How long it may take a new client to get its first answer, refusals included: a client's usual time-out."""

DOWNLOAD_SECONDS: Final = 15.0
"""How long a download may be refused because of others that take nothing: a slow client must be given some time."""

RSS_BOUND_MB: Final = 1024.0
"""Resident memory of the server at its peak: what a laptop can spare."""

EXIT_SECONDS: Final = 12.0
"""From SIGTERM to the end: 8 s for clients to leave, and some for the machine."""

CALM_SECONDS: Final = 30.0
"""How long after the attack the server may be busy with it: as long as a lost client may return."""

DESCRIPTOR_SLACK: Final = 64
"""Descriptors more than before that are no leak: files that are kept open for the next who asks."""

# --- how it is measured ------------------------------------------------------------------------
SECONDS: Final = 10.0
"""Of an attack unless told otherwise: what hurts does so within a second or two."""

INTERVAL_SECONDS: Final = 0.1
"""Between two turns of the listener's groups unless an attack says otherwise."""

POLL_SECONDS: Final = 0.02
"""Between two requests of a probe; several would be due in the shortest stall that counts."""

NEWCOMER_EVERY_SECONDS: Final = 0.5
"""Between two new clients: often enough to meet any lockout that counts, too rarely to be a load."""

ATTEMPT_SECONDS: Final = 2.0
"""What a newcomer gives one attempt; then it tries anew, as people do."""

SETTLE_SECONDS: Final = 1.0
"""Of undisturbed turns before the attack: files are open, requests are known."""

SETUP_SECONDS: Final = 60.0
"""What an attacker may take until its attack is at full strength."""

FOLLOW_UP_SECONDS: Final = 0.5
"""Over which the server's use of its processor is looked at when it should be calm."""

CALM_SHARE: Final = 0.5
"""Of a processor's time that a calm server uses at the most; the innocents alone cost a tenth."""

OWN_LAG_MS: Final = 100.0
"""When this process itself was held up for so long, its figures say little about the server; the row tells."""

STARVED_SHARE: Final = 0.05
"""Of the time that the server wanted its processor and somebody else had it: beyond this it is the machine's fault."""

ATTEMPTS: Final = 2
"""At a siege that fails while the machine is busy with something else."""

WATCH_SECONDS: Final = 0.05
"""Between two looks at the server's memory."""

KILL_MB: Final = 2048.0
"""Resident memory at which the server is killed, for the sake of the machine."""

START_SECONDS: Final = 60.0
"""What a server may take to start; with very many folders it takes longer than one wants."""

NICE: Final = 15
"""Of the attacker: it must not keep the innocents, who are on the same processor, from measuring."""
