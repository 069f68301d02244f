#!lua name=frontrow_lock_v1
-- Seat claims: the gate in front of PostgreSQL. See Note [Seat claims] in reservations/store.py.
--
-- Assembled with kernel/rate_limiting/gcra.lua in front, for count_call and counting_clock, and
-- queueing/lua/ended_places.lua, for how_place_ended.
--
-- Key   fr:l:{<performance>}:<seat>
-- Value owner|user|kind|until_ms|checked_ms     kind: T tentative, H held, S sold or blocked
-- A claim with until_ms <= now_ms is free; PX only collects garbage.
--
-- Key   fr:l:{<performance>}:warm                 the server that knows the claims: Note [Cold gate]
-- Key   fr:l:{<performance>}:n:<limit>:<who>     attempts of a fan or an address
-- Key   fr:l:{<performance>}:lapses:<user>       count until_ms: see Note [Back-off]
-- Key   fr:l:{<performance>}:ended:<user>        Note [Ended places] in queueing/ended_places.py

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

local function parse_lapses(value)
  local count, until_ms = string.match(value or '', '^(%d+) (%d+)$')
  return tonumber(count) or 0, tonumber(until_ms) or 0
end

-- Count one more lapsed hold; from the threshold on the fan waits, twice as long each time.
local function note_lapse(key, now_ms, threshold, first_ms, most_ms, window_ms)
  local count, until_ms = parse_lapses(server.call('GET', key))
  count = count + 1
  if threshold > 0 and count >= threshold then
    until_ms = now_ms + math.min(first_ms * 2 ^ math.min(count - threshold, 20), most_ms)
  end
  server.call('SET', key, string.format('%d %.0f', count, until_ms),
    'PX', string.format('%.0f', math.max(window_ms, until_ms - now_ms)))
end

-- Return what the fan is told of the limit that is nearest, and whether it is passed.
local function count_attempt(keys, n, args)
  local told, now_ms = {}, counting_clock(tonumber(args[3]), tonumber(args[11]))
  for i, name in ipairs({'hold', 'hold_address'}) do
    local amount, period = tonumber(args[5 + 2 * i]), tonumber(args[6 + 2 * i])
    local left, reset, refused = count_call(keys[n + i], amount, period, now_ms)
    local about = {name, amount, period, left, reset, refused and 1 or 0}
    if refused then return about, true end
    if i == 1 and amount > 0 then told = about end
  end
  return told, false
end

-- KEYS n seats, the counts of fan and address, the fan's lapses, the fan's ended place.
-- ARGV owner, user, now_ms, until_ms, doubt_ms, n, then amount and period of both limits, how far the
-- caller's clock may be from this server's where it counts (ms), and when the place in the waiting
-- room began by which the fan was let in ('' if there is nothing to look up).
-- Claims all seats or none. Returns {verdict, taken indices, caller's own reservations, owners,
-- what is told of the limits, seconds to wait}: verdict 0 claimed; 1 refused; 2 refused, but every
-- refusal is old enough to ask PostgreSQL again, and this caller is the one who shall (the others
-- of this second are refused at once); 3 over a limit; 4 too many lapsed holds; 6 the fan's place in
-- the waiting room has ended (how: in place of the owners).
local function claim(keys, args)
  local me, user = args[1], args[2]
  local now_ms, until_ms, doubt_ms = tonumber(args[3]), tonumber(args[4]), tonumber(args[5])
  local n = tonumber(args[6])
  local told, over = count_attempt(keys, n, args)
  if over then return {3, {}, {}, {}, told, 0} end
  local joined_ms = tonumber(args[12] or '')
  local ended = joined_ms and how_place_ended(keys[n + 4], joined_ms) or ''
  if ended ~= '' then return {6, {}, {}, {ended}, told, 0} end
  local _, wait_until = parse_lapses(server.call('GET', keys[n + 3]))
  if wait_until > now_ms then
    return {4, {}, {}, {}, told, math.ceil((wait_until - now_ms) / 1000)}
  end
  local values = server.call('MGET', unpack(keys, 1, n))
  local taken, yours, owners, claims, fresh = {}, {}, {}, {}, false
  for i = 1, n do
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
    for i = 1, n do put(keys[i], me, user, 'T', until_ms, now_ms) end
    return {0, taken, yours, owners, told, 0}
  end
  if fresh then return {1, taken, yours, owners, told, 0} end
  for j, c in ipairs(claims) do
    put(keys[taken[j]], c.owner, c.user, c.kind, c.until_ms, now_ms)
  end
  return {2, taken, yours, owners, told, 0}
end

-- KEYS n seats, then the lapses of fans whose holds have lapsed.
-- ARGV me, now_ms, n, threshold, first wait, longest wait and window of lapses (ms), then for each
-- seat: owner, user, kind, until_ms, displaced.
-- Writes what PostgreSQL has decided; an empty owner frees. A live claim of somebody else stays,
-- unless its owner is the one named as displaced: a caller that was paused can't undo a later one.
local function write(keys, args)
  local me, now_ms, n = args[1], tonumber(args[2]), tonumber(args[3])
  if n > 0 then
    local values = server.call('MGET', unpack(keys, 1, n))
    for i = 1, n do
      local key, at = keys[i], 7 + (i - 1) * 5
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
  end
  for i = n + 1, #keys do
    note_lapse(keys[i], now_ms, tonumber(args[4]), tonumber(args[5]), tonumber(args[6]),
      tonumber(args[7]))
  end
  return 'OK'
end

-- KEYS the warm mark; ARGV '1' to leave it. Returns 1 if this server knows the performance's claims
-- (leaving the mark: since now).
local function warmth(keys, args)
  local run = string.match(server.call('INFO', 'server'), 'run_id:(%x+)')
  if args[1] == '1' then server.call('SET', keys[1], run) end
  return server.call('GET', keys[1]) == run and 1 or 0
end

server.register_function('fr_gate_warmth', warmth)
server.register_function('fr_claim_seats', claim)
server.register_function('fr_write_seats', write)
