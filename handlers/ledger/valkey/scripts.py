"""What the server runs for each verb, in Lua: Valkey and Redis run a script whole, before anything else is looked at.

Kept are, all under one hash tag so that a cluster would hold them in one slot:

    {restore-point}:record:NAME   a hash for each record; NAME is kind and key as one text
    {restore-point}:at:KIND       key by ``at``      ┐ sorted sets: by score, then by the member's bytes,
    {restore-point}:due           NAME by ``due``    ├ which is the contract's order
    {restore-point}:expires       NAME by ``expires``┘

Numbers come as text and are stored as such; only comparisons and scores read them, as doubles, to the last bit. No key has a
time to live of the server's: its clock may differ from ours, and would leave the name of what it took in the sorted sets.
"""

from __future__ import annotations

from hashlib import sha1

PREFIX = "{restore-point}:"
PRUNED_PER_PUT = 8
"""Expired records that a put takes along: more than one, so that they never pile up; few, so that no delivery pays for many."""
PRUNED_PER_SWEEP = 256

_SHARED = f"""
local P = '{PREFIX}'
local function alive(record, now)
  local expires = redis.call('HGET', record, 'expires')
  return expires and tonumber(expires) > tonumber(now)
end
local function fields(record)
  return redis.call('HMGET', record, 'kind', 'key', 'at', 'due', 'body', 'expires', 'version')
end
local function store(name, kind, key, at, due, body, expires, version)
  redis.call('HSET', P .. 'record:' .. name, 'kind', kind, 'key', key, 'at', at, 'due', due, 'body', body,
    'expires', expires, 'version', version)
  redis.call('ZADD', P .. 'at:' .. kind, at, key)
  redis.call('ZADD', P .. 'expires', expires, name)
  if due == '' then redis.call('ZREM', P .. 'due', name) else redis.call('ZADD', P .. 'due', due, name) end
end
local function prune(now, limit)
  for _, name in ipairs(redis.call('ZRANGEBYSCORE', P .. 'expires', '-inf', now, 'LIMIT', 0, limit)) do
    local known = redis.call('HMGET', P .. 'record:' .. name, 'kind', 'key')
    if known[1] then redis.call('ZREM', P .. 'at:' .. known[1], known[2]) end
    redis.call('DEL', P .. 'record:' .. name)
    redis.call('ZREM', P .. 'due', name)
    redis.call('ZREM', P .. 'expires', name)
  end
end
"""


class Script:
    """Lua, and the name the server knows it by once it has seen it."""

    def __init__(self, source: str) -> None:
        self.source = f"{_SHARED}{source}"
        self.sha = sha1(self.source.encode(), usedforsecurity=False).hexdigest()


PUT = Script(f"""
local now, name = ARGV[1], ARGV[2]
if alive(KEYS[1], now) then return fields(KEYS[1]) end
store(name, unpack(ARGV, 3, 9))
prune(now, {PRUNED_PER_PUT})
return false
""")
"""ARGV: now, name, then the record's fields. Returns the fields of the record that stands there, or nothing."""

SWAP = Script("""
local now, name, version = ARGV[1], ARGV[2], ARGV[10]
if not alive(KEYS[1], now) or redis.call('HGET', KEYS[1], 'version') ~= version then return 0 end
store(name, unpack(ARGV, 3, 9))
return 1
""")
"""ARGV: as PUT's, then the version it was read as."""

DUE = Script(f"""
local now, last, limit = ARGV[1], ARGV[2], tonumber(ARGV[3])
prune(now, {PRUNED_PER_SWEEP})
local found, seen = {{}}, 0
while #found < limit do
  local names = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', last, 'LIMIT', seen, math.min(limit, 256))
  if #names == 0 then break end
  seen = seen + #names
  for _, name in ipairs(names) do
    local record = P .. 'record:' .. name
    if #found < limit and alive(record, now) then found[#found + 1] = fields(record) end
  end
end
return found
""")
"""ARGV: now, the last ``due`` that is wanted, how many."""

SINCE = Script("""
local now, first, start = ARGV[1], ARGV[2], ARGV[3]
local found = {}
for _, key in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], first, '+inf')) do
  local record = P .. 'record:' .. start .. key
  if alive(record, now) then found[#found + 1] = fields(record) end
end
return found
""")
"""ARGV: now, the first ``at`` that is wanted, how the names of the kind begin."""
