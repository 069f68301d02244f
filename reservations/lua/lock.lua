#!lua name=frontrow_lock_v1
-- Seat claims: the gate in front of PostgreSQL. See Note [Seat claims] in reservations/store.py.
--
-- Key   fr:l:{<performance>}:<seat>
-- Value owner|user|kind|until_ms|checked_ms     kind: T tentative, H held, S sold or blocked
-- A claim with until_ms <= now_ms is free; PX only collects garbage.

local GARBAGE_MS = 60000

local function parse(value)
  if not value then return nil end
  local owner, user, kind, until_ms, checked_ms =
    string.match(value, '^([^|]*)|([^|]*)|(%a)|(%d+)|(%d+)$')
  if not owner then return nil end -- written by nobody we know: as good as free
  return {owner = owner, user = user, kind = kind,
          until_ms = tonumber(until_ms), checked_ms = tonumber(checked_ms)}
end

local function put(key, owner, user, kind, until_ms, now_ms)
  local life = math.max(until_ms - now_ms, 0) + GARBAGE_MS
  server.call('SET', key,
    string.format('%s|%s|%s|%.0f|%.0f', owner, user, kind, until_ms, now_ms),
    'PX', string.format('%.0f', life))
end

-- KEYS seats; ARGV owner, user, now_ms, until_ms, doubt_ms.
-- Claims all seats or none. Returns {verdict, taken indices, caller's own reservations, owners}:
-- verdict 0 claimed; 1 refused; 2 refused, but every refusal is old enough to ask PostgreSQL
-- again, and this caller is the one who shall (the others of this second are refused at once).
local function claim(keys, args)
  local me, user = args[1], args[2]
  local now_ms, until_ms, doubt_ms = tonumber(args[3]), tonumber(args[4]), tonumber(args[5])
  local values = server.call('MGET', unpack(keys))
  local taken, yours, owners, claims, fresh = {}, {}, {}, {}, false
  for i = 1, #keys do
    local c = parse(values[i])
    if c and c.owner ~= me and c.until_ms > now_ms then
      taken[#taken + 1] = i
      owners[#owners + 1] = c.owner
      claims[#claims + 1] = c
      if c.kind == 'H' and c.user == user then yours[#yours + 1] = c.owner end
      if now_ms - c.checked_ms < doubt_ms then fresh = true end
    end
  end
  if #taken == 0 then
    for i = 1, #keys do put(keys[i], me, user, 'T', until_ms, now_ms) end
    return {0, taken, yours, owners}
  end
  if fresh then return {1, taken, yours, owners} end
  for j, c in ipairs(claims) do
    put(keys[taken[j]], c.owner, c.user, c.kind, c.until_ms, now_ms)
  end
  return {2, taken, yours, owners}
end

-- KEYS seats; ARGV me, now_ms, then for each key: owner, user, kind, until_ms, displaced.
-- Writes what PostgreSQL has decided; an empty owner frees. A live claim of somebody else stays,
-- unless its owner is the one named as displaced: a caller that was paused can't undo a later one.
local function write(keys, args)
  local me, now_ms = args[1], tonumber(args[2])
  local values = server.call('MGET', unpack(keys))
  for i, key in ipairs(keys) do
    local at = 2 + (i - 1) * 5
    local owner, user, kind = args[at + 1], args[at + 2], args[at + 3]
    local until_ms, displaced = tonumber(args[at + 4]), args[at + 5]
    local c = parse(values[i])
    local mine = c and (c.owner == me or c.owner == displaced)
    if owner == '' then
      if mine then server.call('DEL', key) end
    elseif not c or mine or c.owner == owner or c.until_ms <= now_ms then
      put(key, owner, user, kind, until_ms, now_ms)
    end
  end
  return 'OK'
end

server.register_function('fr_claim_seats', claim)
server.register_function('fr_write_seats', write)
