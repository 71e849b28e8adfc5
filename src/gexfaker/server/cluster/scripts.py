"""What the engine decides in one step, in its own language (Lua). Times are in milliseconds, those in versions in
microseconds.
"""

from __future__ import annotations

from typing import Final

SWAP: Final = """
-- KEYS: the world, the list of worlds, the engine's life, whether it settles. ARGV: the version it must have, its
-- text, its time, its id, the channel, the life that the caller knows, how long one waits for a newer state.
local held = redis.call('HMGET', KEYS[1], 'v', 'r', 'b')
local version = tonumber(held[1]) or 0
if version ~= tonumber(ARGV[1]) then return {0, held[1] or '0', held[2] or ''} end
-- What is not here may be a world that the engine has lost, and that another server is about to bring back.
local life = redis.call('GET', KEYS[3])
if version == 0 and (life ~= ARGV[6] or redis.call('EXISTS', KEYS[4]) == 1) then return {2, '0', ''} end
local now = redis.call('TIME')
-- What one server has brought back may be older than what another one knows, and is about to bring back.
local brought = tonumber(held[3])
local since = brought and now[1] * 1000 + now[2] / 1000 - brought
-- An engine that has taken over may have a clock that is behind.
if brought and since >= 0 and since < tonumber(ARGV[7]) then return {2, '0', ''} end
if brought then redis.call('HDEL', KEYS[1], 'b') end
local following = version + 1
-- A world that is new, or was forgotten, gets a version above all that it can have had: the time in microseconds.
if version == 0 then following = now[1] * 1000000 + now[2] end
local number = string.format('%.0f', following)
redis.call('HSET', KEYS[1], 'v', number, 'r', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('ZADD', KEYS[2], now[1] * 1000 + tonumber(ARGV[3]), ARGV[4])
local at = string.format('%.6f', now[1] + now[2] / 1000000)
redis.call('PUBLISH', ARGV[5], 'world\\n' .. ARGV[4] .. '\\n' .. number .. '\\n' .. at .. '\\n' .. ARGV[2])
return {1, number, ARGV[2]}
"""
"""Give a world another state, if it is the one that the caller knows; what there is then, and whether it was done (1),
was not (0), or has to wait until the engine has settled (2).
"""

KEEP: Final = """
-- KEYS: the world, the list of worlds. ARGV: the version, its text, its time, its id, the channel.
local held = redis.call('HMGET', KEYS[1], 'v', 'r')
if (tonumber(held[1]) or 0) >= tonumber(ARGV[1]) then return {0, held[1], held[2]} end
local now = redis.call('TIME')
local brought = string.format('%.0f', math.floor(now[1] * 1000 + now[2] / 1000))
redis.call('HSET', KEYS[1], 'v', ARGV[1], 'r', ARGV[2], 'b', brought)
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('ZADD', KEYS[2], now[1] * 1000 + tonumber(ARGV[3]), ARGV[4])
local at = string.format('%.6f', now[1] + now[2] / 1000000)
redis.call('PUBLISH', ARGV[5], 'world\\n' .. ARGV[4] .. '\\n' .. ARGV[1] .. '\\n' .. at .. '\\n' .. ARGV[2])
return {1, ARGV[1], ARGV[2]}
"""
"""Bring back a world that the engine has lost, or of which it has an older state; what there is then."""

TAKE: Final = """
-- KEYS: the world's hubs, the tickets. ARGV: the hub, the server, its time, the world, the channel.
local now = redis.call('TIME')
-- Greater than all before, also if the engine has lost what there was before.
local last = math.max((tonumber(redis.call('GET', KEYS[2])) or 0) + 1, now[1] * 1000000 + now[2])
local ticket = string.format('%.0f', last)
redis.call('SET', KEYS[2], ticket)
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ' ' .. ticket)
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('PUBLISH', ARGV[5], 'take\\n' .. ARGV[4] .. '\\n' .. ARGV[1] .. '\\n' .. ticket)
return ticket
"""
"""Take a hub for the newest connection of a world: the others close theirs. Its ticket, greater than all before."""

LEAVE: Final = """
-- KEYS: the world's hubs. ARGV: the hub, the server and the ticket, and what is there from now on.
if redis.call('HGET', KEYS[1], ARGV[1]) == ARGV[2] then redis.call('HSET', KEYS[1], ARGV[1], ARGV[3]) end
return 1
"""
"""That a world has no connection on a hub any more, unless another server has taken it meanwhile."""

CLAIM: Final = """
-- KEYS: who asks for a connection. ARGV: the request.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
"""
"""Whether a request is still waited for; it is answered once."""

COUNT: Final = """
-- KEYS: the counts. ARGV: the time (epoch seconds), how long counts are kept, and of each allowance its name, its
-- requests, and when a period ends that begins now.
local now, seen = tonumber(ARGV[1]), {}
for at = 3, #ARGV, 3 do
  local name = ARGV[at]
  local held = redis.call('HMGET', KEYS[1], name .. ' began', name .. ' used', name .. ' ends')
  local began, used, ends = held[1], tonumber(held[2]), held[3]
  -- A server's clock may be a little behind; one that was set back by more begins anew.
  local over = not began or now >= tonumber(ends) or now < tonumber(began) - 1
  if over then began, used, ends = ARGV[1], 0, ARGV[at + 2] end
  if used >= tonumber(ARGV[at + 1]) then return {(at - 3) / 3 + 1, began, used} end
  seen[#seen + 1] = {name, began, used + 1, ends}
end
local answer = {0}
for _, one in ipairs(seen) do
  redis.call('HSET', KEYS[1], one[1] .. ' began', one[2], one[1] .. ' used', one[3], one[1] .. ' ends', one[4])
  answer[#answer + 1] = one[2]
  answer[#answer + 1] = one[3]
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return answer
"""
"""Count a request for all allowances that it needs, or for none: 0 and their counts, or the number of the one that
leaves no room with its count."""
