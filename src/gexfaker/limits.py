"""Every number that bounds memory or time, with its reason. Settings may override those marked so."""

from __future__ import annotations

from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB

# --- tapes -------------------------------------------------------------------------------------
MAX_LINE_BYTES: Final = 4 * MIB
"""Longest record read from a tape. The largest real snapshot is about 16 KiB; beyond this a file is not a tape."""

MAX_RECORDS: Final = 1_000_000
"""Records indexed per tape: 12 bytes each, 8 for its time, 16 if it is prepared. A real day has 23,400; ten
would still fit."""

MAX_KEPT_INDEX_BYTES: Final = 8 * MIB
"""Largest index that is kept on disk, of 400,000 records: it is read in one piece, some milliseconds."""

MAX_KEPT_INDEXES_BYTES: Final = 256 * MIB
"""All indexes on disk together: those of 500 arrays of a day of one record a second."""

MAX_SPOOL_BYTES: Final = 4 * 1024 * MIB
"""What one compressed tape may unpack to in temporary space; a real one is 330 MB. Stops decompression bombs."""

MAX_SPOOLS_BYTES: Final = 8 * 1024 * MIB
"""What all compressed tapes together may unpack to in temporary space: two at their bound, or 24 real ones."""

SPOOL_BLOCK_BYTES: Final = 256 * KIB
"""The unit in which temporary space is given out."""

MAX_OPEN_FILES: Final = 128
"""Files of days open at once, until the process has looked how many descriptors it may have."""

SCAN_CHUNK_BYTES: Final = 1 * MIB
"""How far the index reads ahead at a time: a few hundred microseconds, so that no tick is held up."""

MAX_SCANNED_RECORDS: Final = 4096
"""Records found in one step, however short they are: some milliseconds. Of real ones, 1 MiB has a thousand."""

UNPACK_CHUNK_BYTES: Final = 128 * KIB
"""The same of a compressed tape, which takes a millisecond to unpack so much."""

MAX_OPEN_DAYS: Final = 32
"""Days open at once, some 15 files each for a ticker that is listened to, 0.8 MB each when all of it was played; keys
on more days than that take turns."""

# --- wire --------------------------------------------------------------------------------------
MAX_STARTS: Final = 4096
"""Starts of messages remembered, one or two a group: all feeds of all tickers; 200 bytes each, 12 KiB at the most, as a
client's odd name may be written six times as long."""

MAX_LAYOUTS: Final = 32
"""Shapes of rows remembered for a list, 10 KiB each at the most; a feed has two or three, with and without priors."""

MAX_MESSAGE_BYTES: Final = 1 * MIB
"""A client's WebSocket message; the service closes with 1009 beyond it (documented 1 MB)."""

MAX_FRAGMENTS: Final = 10_000
"""Parts of one message: of 100 bytes each for the largest one. Empty ones would go on for ever."""

MAX_HEAD_BYTES: Final = 64 * KIB
"""Request line and headers together. A token with 150 groups plus recovery parameters needs over 8 KiB."""

MAX_REQUEST_BYTES: Final = 1 * MIB
"""Body of an HTTP request. The largest legal negotiation, 150 long names, has under 200 KiB."""

MAX_CONTROL_BYTES: Final = 64 * KIB
"""Body of a request to the control plane; a full set of options has under 1 KiB."""

MAX_GROUP_LENGTH: Final = 1024
"""Characters of a group name, as on the service."""

MAX_SNAPSHOT_BYTES: Final = 4 * MIB
"""What a received zstd frame may unpack to in `gexfaker listen`: as large as a tape's longest line."""

# --- hubs --------------------------------------------------------------------------------------
MAX_QUEUED_MESSAGES: Final = 1000
"""Messages waiting for one client that does not read, or does not acknowledge; the service's figure (setting)."""

MAX_QUEUED_BYTES: Final = 16 * MIB
"""The same in bytes; the service's figure (setting)."""

MAX_REMEMBERED_ACKS: Final = 1000
"""Successful ack ids kept per connection to refuse duplicates; the service's figure."""

MAX_DELAYED: Final = 500
"""Acks that wait for their delay; a client with so many is not read until they are written."""

MAX_MEMBERSHIPS: Final = 150
"""Hub-and-group pairs of one key's POST or PATCH negotiation; the service's figure (setting)."""

MAX_KEPT_BYTES: Final = 512 * MIB
"""What all connections of all hubs make the server keep: what they have not read or acknowledged, names of groups,
acks that are remembered. Beyond it, the one with the most is cut."""

KEPT_FACTOR: Final = 2
"""Memory for each byte that is kept: the payload is there, and what was made of it for a subprotocol; so is the name of
a group among the connection's, and among its key's."""

GROUP_BYTES: Final = 500
"""Memory for a group that a connection is in, besides its name."""

ACK_BYTES: Final = 100
"""Memory for an ack id that is remembered."""

MAX_GROUPS_PER_CONNECTION: Final = 10_000
"""Groups one connection may be in. The service has no documented cap; every feed of every ticker is under 1,000."""

MAX_CONNECTIONS: Final = 20_000
"""Open and detached connections of one hub, and TCP connections in all, about 40 KiB each: below 1 GiB."""

MAX_DESCRIPTORS: Final = 32_768
"""Descriptors the server takes if it may: more than its connections and files can need."""

RESERVED_DESCRIPTORS: Final = 24
"""Descriptors for the server itself: its socket, the event loop, the log, the state file, what a request opens."""

MAX_PUBLICATIONS: Final = 4096
"""Encoded records kept for sharing. Holds four ticks of every feed of the universe."""

MAX_PUBLICATION_BYTES: Final = 32 * MIB
"""The same in bytes of payload; real ones have up to 4 KiB, and each may be kept in four encodings."""

RECORDS_AHEAD: Final = 30
"""Records of a simulated feed that are encoded at once: with more, a turn would hold up the others; with fewer, each
would cost more."""

MAX_TAPES_BY_ONE: Final = 4096
"""Feeds of which it is known that their next records are encoded one by one: all of a large day."""

MAX_AHEAD_BYTES: Final = 40 * MIB
"""Payloads of them that nobody has read yet: those of 120 keys at different places with 15 feeds each. With more keys
fewer records are made at once."""

MAX_JUST_READ: Final = 2048
"""Payloads kept for other keys at the same place after one has read them: a second of the whole universe, 4 MB."""

MAX_BATCHES: Final = 8
"""What was sent in a tick, kept joined for keys at the same position whose turn comes next; 0.5 MiB each for a key
in 60 groups. With more, what keys at positions of their own are sent does not stay in the processor's cache: 64 made
them a tenth slower."""

MAX_GROUP_SETS: Final = 64
"""Sets of groups of which all connections have one object, so that telling them equal takes no time."""

MAX_SHARED_GROUPS: Final = 500
"""Groups of such a set, names of 1 KiB at the most: 34 MB if all are full, kept after their clients have gone. A client
in every feed of a few tickers has fewer."""

MAX_CHANGED_GROUPS: Final = 64
"""Groups of a key that came or went since its feed was last looked at, 300 bytes each; with more, all its groups are
looked up again."""

MAX_NUMBERED: Final = 8
"""Of each of these, the forms for reliable clients at different sequence ids; those that came together share one."""

WORLDS_AT_ONCE: Final = 256
"""Keys whose turns are begun, or whose next turn is worked out, before others have their turn: a millisecond. With
20,000 keys that listen, thousands may be due at once."""

RECORDS_AT_ONCE: Final = 4
"""Records encoded for one turn before it is another's: under a millisecond."""

READY_AT_ONCE: Final = 64
"""Records that need no encoding between two pauses of a turn: half a millisecond, if they have to be read."""

MAX_TURN_RECORDS: Final = 400
"""Records sent in one turn of a key, of all its feeds together: less than half of what a client may leave unread,
because each may have a spot message with it. Reached after a laptop's sleep, or at speeds the machine cannot keep."""

MAX_FINISHED_RECORDS: Final = 50
"""Records encoded before the answer to a pause, some 10 ms; of more, all wait for the feed to go on."""

SEARCH_COST: Final = 5
"""A step of a search, counted as so many of these records: one millisecond. What is left of it is taken back."""

MAX_SKIPS_PER_TICK: Final = 50
"""Unreadable records passed over for one group in one tick; a ruined file must not hold up the others."""

MAX_LOGGED_SKIPS: Final = 1000
"""Lines logged about records that were skipped or saturated; the counters go on."""

MAX_LOGGED_OF_A_TAPE: Final = 10
"""The same of one file: who sees ten of its lines knows that it is ruined, and `gexfaker inspect` lists them all."""

MAX_EXPLAINED_GROUPS: Final = 1000
"""Groups whose silence is explained in the log, each once."""

MAX_KNOWN_GROUPS: Final = 50_000
"""Group names whose feed is remembered, 200 bytes each: all feeds and expiries of a day; forgotten together."""

MAX_HINTS: Final = 100
"""Wrong group names for which the nearest right one is looked up, some milliseconds each on a full day."""

MAX_HINTED_FEEDS: Final = 4000
"""Feeds of a day up to which a wrong name gets a hint: more than the service has."""

MAX_COMPARED: Final = 100
"""Right names with which a wrong one is compared letter by letter, 30 us each."""

MAX_HINTED_LENGTH: Final = 64
"""Longest wrong name worth a hint, or a look whether it carries anything; no real group name is longer."""

MAX_LISTENING: Final = 5000
"""Sets of groups that have a number of their own, by which worlds in the same groups are known; forgotten together."""

MAX_SYNC_STREAMS: Final = 100
"""Followers of the sync stream at once; each costs a task and a look at the sessions every interval."""

MAX_WORLDS: Final = 150_000
"""API keys that are remembered, some 2 KiB each; the longest unused goes first, but never one that is connected."""

MAX_WATCHED: Final = 10_000
"""API keys that may have faults or a journal at a time: they are not forgotten, however long they are unused."""

SMALL_BYTES: Final = 2 * KIB
"""What one client has sent that may be worked off at once: the longest request that is answered the short way."""

PORTION_BYTES: Final = 1 * KIB
"""What is worked off at a time of a client that has sent more: 3 ms, on a slow machine, if it is all pings."""

MAX_WAITING_BYTES: Final = 64 * MIB
"""What all clients together have sent ahead, and of unfinished requests and messages; beyond it, whoever sent the most
is cut. One client is not read beyond a portion, so it has 256 KiB ahead at the most, and 1 MiB unfinished."""

WRITE_HIGH_WATER_BYTES: Final = 64 * KIB
"""What a socket buffers before frames wait, shared, in our own queue."""

MAX_LOG_BYTES: Final = 1 * MIB
"""Log lines, and what is printed, that wait for a slow reader; some 10,000 lines. What comes then is dropped."""

# --- time --------------------------------------------------------------------------------------
ACK_DELAY_SECONDS: Final = 0.002
"""Answers to Azure's Python SDK are this late on purpose: it loses an ack that arrives before it starts to wait.

A setting changes it for all clients."""

PING_INTERVAL_SECONDS: Final = 20.0
"""The service's default WebSocket ping (setting)."""

RECOVERY_WINDOW_SECONDS: Final = 30.0
"""How long a reliable connection survives without its socket; the service's figure (setting)."""

MISSED_PONGS: Final = 3
"""Pings without an answer before a peer counts as dead. Not published; two lost packets must not end a session."""

INTAKE_SECONDS: Final = 0.002
"""Work on what clients send in one round of the event loop, before the feed and everything else have their turn. A
round also lets one new connection in, so in a flood shorter rounds let more in."""

INTAKE_WINDOW_SECONDS: Final = 0.0025
"""How long INTAKE_SECONDS must last when nothing waits: one client that asks as fast as it can hardly meets it."""

BUSY_SECONDS: Final = 10.0
"""Work that one client may make with what it has sent ahead, before it is cut; pauses count against it. A message of
1 MiB makes one second.
Beside it everybody else is served all the time, but half a core is gone."""

REQUEST_SECONDS: Final = 0.0003
"""What an ordinary request is counted as, because it is answered in a task of its own."""

HEAD_TIMEOUT_SECONDS: Final = 30.0
"""How long a client may take from connecting, or from the first byte of a request, to the end of its headers."""

BODY_TIMEOUT_SECONDS: Final = 60.0
"""How long a client may take to send the body of a request, 1 MiB at the most."""

STALL_TIMEOUT_SECONDS: Final = 30.0
"""How long a client may take nothing of an answer that waits for it; then it is cut."""

STALL_BYTES: Final = 4 * KIB
"""What a client must take in that time when the answer is complete: less is as good as nothing."""

LEAST_FREE_BYTES: Final = 1024 * MIB
"""Room that is left on the disk by whoever brings days in."""

IDLE_GRACE_SECONDS: Final = 1.0
"""How long a connection may do nothing before it can be closed to make room for a new one."""

MAX_EVICTED: Final = 64
"""Connections closed at once to make room: to look through 20,000 takes 10 ms, and must not be done for each."""

MAX_EVICTED_OF_ADDRESS: Final = 8
"""Connections of the address that has most of them closed at once for another address: a browser opens six."""

LOOK_AGAIN_SECONDS: Final = 0.1
"""After a look at all connections that found none to close, until the next one."""

SAME_SIGNAL_SECONDS: Final = 0.3
"""A signal that comes so soon after the first is the same: `timeout` tells a process and then its whole group."""

TELL_SECONDS: Final = 1.0
"""How often the log tells of the same kind of trouble; what comes in between is counted."""

KEEP_ALIVE_SECONDS: Final = 75.0
"""How long a connection stays open for the next request (setting): longer than pooling clients keep theirs."""

CLOSE_TIMEOUT_SECONDS: Final = 3.0
"""How long a peer may take to answer a close frame; the Python SDK waits as long."""

LOG_FLUSH_SECONDS: Final = 0.5
"""What a stopping server waits for whoever reads its log."""

DRAIN_SECONDS: Final = 8.0
"""What a stopping server waits for its clients; leaves room to exit within 10 s."""

REAP_INTERVAL_SECONDS: Final = 0.5
"""How often detached connections are looked through, and positions are kept: a state file is under a second old."""

MAX_LOOP_BLOCK_SECONDS: Final = 0.005
"""Longest slice of encoding before the event loop gets its turn."""

NEW_WORKS_AT_ONCE: Final = 64
"""Long works that have not begun and share what is left of a slice: to wake one and find none left takes 5 us."""

NOTICE_SECONDS: Final = 0.02
"""How late a client that has just joined, or a jump, is noticed: as late as a record may be."""

MAX_IDLE_SECONDS: Final = 1.0
"""Longest sleep of the stream and of the main loop; whatever matters wakes them, and an idle server wakes rarely."""

RETRY_SECONDS: Final = 2.0
"""How often files that could not be opened are tried again, for those who listen to them."""

STEP_PATIENCE_SECONDS: Final = 5.0
"""How long the records of a step wait for a client that has not acknowledged those before: the official clients do that
once a second. Then they are sent, and a client with too much of them is cut, as at any other time.
"""

STUMBLE_SECONDS: Final = 0.05
"""Pause after a turn that failed, so that one which fails always does not fill the log or the processor."""

# --- the servers of a cluster --------------------------------------------------------------------

ENGINE_SECONDS: Final = 1.0
"""What an operation of the engine may take. A request waits that long at most; the feed never waits for it."""

ENGINE_SILENCE_LOOKS: Final = 3
"""Nothing heard of the engine in so many looks of ENGINE_SECONDS, although it was asked: it is gone. With a second to
find the way back that is within the five seconds in which a cluster heals. Looks, not seconds: a server that itself
stood still has not heard either."""

ENGINE_CONNECTIONS: Final = 16
"""Operations of one server under way at once; more wait for ENGINE_SECONDS. One takes a tenth of a millisecond."""

SHARED_KEY_SECONDS: Final = 24 * 3600.0
"""How long the engine keeps a key that nobody uses: a client that comes back the next day goes on."""

NODE_SECONDS: Final = 5.0
"""How long a server that says nothing counts as alive; it says so each second."""

SETTLE_SECONDS: Final = 5.0
"""How long all servers have to bring back what an engine has lost, before a key that it does not have counts as new:
the time after which a server that says nothing is gone.
"""

BROUGHT_SECONDS: Final = 1.5
"""How long a key that one server has brought back to an engine waits for a newer state from another before it changes:
a server that was cut off tries again every half a second, and an operation takes ENGINE_SECONDS at most.
"""

MAX_SWAPS: Final = 64
"""How often a change is tried when other servers change the same key; with three of them one in three succeeds."""

WORLDS_AT_A_TIME: Final = 256
"""Worlds looked up in the engine in one go: 100 KB."""

HANDED_BYTES: Final = 1 * MIB
"""What a client may have left unacknowledged so that another server can take it over: some 600 large messages."""

HAND_OVER_SECONDS: Final = 5.0
"""How long a server that stops hands its connections over; those that are left have to negotiate again."""

MAX_CLOCK_OFFSET: Final = 0.02
"""Seconds by which the clock of a server may differ from the engine's: beyond it, clients see keys jump."""
