#!lua name=frontrow_lock_v1
-- Seat claims: the gate in front of PostgreSQL. See Note [Seat claims] in reservations/claims.
--
-- Put together with kernel/rate_limiting/gcra.lua in front, for count_call and counting_clock, and
-- queueing/lua/ended_places.lua, for how_place_ended.
--
-- Key   fr:l:{<performance>}:<seat>              a claim
-- Value owner|user|kind|until_ms|checked_ms     kind: T tentative, H held, S sold or blocked;
--                                               checked_ms: when PostgreSQL last confirmed it
-- A claim with until_ms <= now_ms is free; PX only collects garbage.
--
-- Key   fr:l:{<performance>}:warm                the server that knows the claims: Note [Cold gate]
-- Key   fr:l:{<performance>}:n:<limit>:<caller>  attempts of a fan or a client IP
-- Key   fr:l:{<performance>}:lapses:<user>       "count until_ms": Note [Back-off]
-- Key   fr:l:{<performance>}:ended:<user>        Note [Ended places] in queueing/ended_places.py

local GARBAGE_MS = 60000

-- The verdicts of claim_seats; reservations/claims/values.py has the same numbers.
local CLAIMED, REFUSED, STALE, LIMITED, BACKED_OFF, PLACE_ENDED = 0, 1, 2, 3, 4, 6

local function parse_claim(value)
  if not value then return nil end
  local owner, user, kind, until_ms, checked_ms =
    string.match(value, '^([^|]*)|([^|]*)|(%a)|(%d+)|(%d+)$')
  if not owner then return nil end -- not in our format: as good as free
  return {owner = owner, user = user, kind = kind,
          until_ms = tonumber(until_ms), checked_ms = tonumber(checked_ms)}
end

local function put_claim(key, owner, user, kind, until_ms, now_ms)
  local life_ms = math.max(until_ms - now_ms, 0) + GARBAGE_MS
  server.call('SET', key,
    string.format('%s|%s|%s|%.0f|%.0f', owner, user, kind, until_ms, now_ms),
    'PX', string.format('%.0f', life_ms))
end

local function parse_lapses(value)
  local count, wait_until_ms = string.match(value or '', '^(%d+) (%d+)$')
  return tonumber(count) or 0, tonumber(wait_until_ms) or 0
end

-- Count one more lapsed hold; from the threshold on the fan waits, twice as long each time.
local function count_lapse(key, now_ms, threshold, first_wait_ms, longest_wait_ms, window_ms)
  local count, wait_until_ms = parse_lapses(server.call('GET', key))
  count = count + 1
  if threshold > 0 and count >= threshold then
    local doublings = math.min(count - threshold, 20)
    wait_until_ms = now_ms + math.min(first_wait_ms * 2 ^ doublings, longest_wait_ms)
  end
  server.call('SET', key, string.format('%d %.0f', count, wait_until_ms),
    'PX', string.format('%.0f', math.max(window_ms, wait_until_ms - now_ms)))
end

-- Count the attempt against one limit; return its status as the caller reads it, and whether it is
-- passed. The status is {name, amount, period in ms, calls left, seconds to reset, 1 if passed}.
local function count_attempt(key, name, amount, period_ms, now_ms)
  local left, reset, refused = count_call(key, amount, period_ms, now_ms)
  return {name, amount, period_ms, left, reset, refused and 1 or 0}, refused
end

--[[
  Claim all seats or none, for the time of a transaction.

  KEYS
    1..n       the claims of the n seats
    n + 1      attempts of the fan
    n + 2      attempts of the client IP
    n + 3      lapses of the fan
    n + 4      ended place of the fan
  ARGV
    1          owner: the reservation the seats are claimed for
    2          user: the fan
    3          now_ms
    4          until_ms: when the claim ends by itself
    5          stale_after_ms: the age of a claim's last confirmation from which it is stale
    6          n, the number of seats
    7, 8       limit of the fan: amount, period in ms; amount 0: no limit
    9, 10      limit of the client IP: amount, period in ms; amount 0: no limit
    11         skew_ms: how far the caller's clock may be from this server's, where it counts
    12         joined_ms: when the place in the waiting room began; '' if it need not be looked up

  Returns {verdict, refused seats by index, the caller's own holds among their owners, the owners,
  status of the nearest limit, seconds to wait}. The verdict
    CLAIMED      all seats are claimed
    REFUSED      a live claim stands in the way
    STALE        so it does, but all of those claims are stale, and this caller is the one of this
                 second to ask PostgreSQL (the next callers are REFUSED)
    LIMITED      over a limit
    BACKED_OFF   too many lapsed holds
    PLACE_ENDED  the place in the waiting room has ended; how, instead of the owners
]]
local function claim_seats(keys, args)
  local owner, user = args[1], args[2]
  local now_ms, until_ms, stale_after_ms = tonumber(args[3]), tonumber(args[4]), tonumber(args[5])
  local n = tonumber(args[6])
  local fan_amount, fan_period_ms = tonumber(args[7]), tonumber(args[8])
  local client_ip_amount, client_ip_period_ms = tonumber(args[9]), tonumber(args[10])
  local skew_ms, joined_ms = tonumber(args[11]), tonumber(args[12] or '')
  local fan_key, client_ip_key, lapses_key, ended_key =
    keys[n + 1], keys[n + 2], keys[n + 3], keys[n + 4]

  -- Every attempt counts, whatever becomes of it.
  local counted_ms = counting_clock(now_ms, skew_ms)
  local limit, passed = count_attempt(fan_key, 'hold', fan_amount, fan_period_ms, counted_ms)
  if passed then return {LIMITED, {}, {}, {}, limit, 0} end
  local ip_limit
  ip_limit, passed =
    count_attempt(client_ip_key, 'hold_address', client_ip_amount, client_ip_period_ms, counted_ms)
  if passed then return {LIMITED, {}, {}, {}, ip_limit, 0} end
  if fan_amount <= 0 then limit = {} end

  -- A pass opens nothing once its place was left or paid with.
  local ended = joined_ms and how_place_ended(ended_key, joined_ms) or ''
  if ended ~= '' then return {PLACE_ENDED, {}, {}, {ended}, limit, 0} end

  local _, wait_until_ms = parse_lapses(server.call('GET', lapses_key))
  if wait_until_ms > now_ms then
    return {BACKED_OFF, {}, {}, {}, limit, math.ceil((wait_until_ms - now_ms) / 1000)}
  end

  local values = server.call('MGET', unpack(keys, 1, n))
  local refused, yours, owners, claims, all_stale = {}, {}, {}, {}, true
  for i = 1, n do
    local claim = parse_claim(values[i])
    if claim and claim.owner ~= owner and claim.until_ms > now_ms then
      refused[#refused + 1] = i
      owners[#owners + 1] = claim.owner
      claims[#claims + 1] = claim
      if claim.kind == 'H' and claim.user == user then yours[#yours + 1] = claim.owner end
      if now_ms - claim.checked_ms < stale_after_ms then all_stale = false end
    end
  end
  if #refused == 0 then
    for i = 1, n do put_claim(keys[i], owner, user, 'T', until_ms, now_ms) end
    return {CLAIMED, refused, yours, owners, limit, 0}
  end
  if not all_stale then return {REFUSED, refused, yours, owners, limit, 0} end
  -- Confirmed from now on, for this caller is about to ask: nobody else is sent this second.
  for i, claim in ipairs(claims) do
    put_claim(keys[refused[i]], claim.owner, claim.user, claim.kind, claim.until_ms, now_ms)
  end
  return {STALE, refused, yours, owners, limit, 0}
end

--[[
  Write what PostgreSQL has decided. A live claim of another owner stays unless that owner is the
  one overruled: a caller that was paused can't undo a later claim.

  KEYS
    1..n          the claims of the n seats
    n + 1..       lapses of the fans whose holds have lapsed, one a hold
  ARGV
    1             writer: the owner whose claims may be replaced
    2             now_ms
    3             n, the number of seats
    4             threshold: the lapses from which on a fan waits; 0: never
    5, 6, 7       first wait, longest wait, and window of the lapses, in ms
    then for each seat
      + 1         owner; '' removes the claim
      + 2         user
      + 3         kind
      + 4         until_ms
      + 5         overruled owner, or ''
]]
local function write_seats(keys, args)
  local writer, now_ms, n = args[1], tonumber(args[2]), tonumber(args[3])
  local threshold, first_wait_ms = tonumber(args[4]), tonumber(args[5])
  local longest_wait_ms, window_ms = tonumber(args[6]), tonumber(args[7])

  if n > 0 then
    local values = server.call('MGET', unpack(keys, 1, n))
    local at = 7
    for i = 1, n do
      local key, owner, user, kind = keys[i], args[at + 1], args[at + 2], args[at + 3]
      local until_ms, overruled_owner = tonumber(args[at + 4]), args[at + 5]
      at = at + 5
      local claim = parse_claim(values[i])
      local may_replace = claim and (claim.owner == writer or claim.owner == overruled_owner)
      if owner == '' then
        if may_replace then server.call('DEL', key) end
      elseif not claim or may_replace or claim.owner == owner or claim.until_ms <= now_ms then
        put_claim(key, owner, user, kind, until_ms, now_ms)
      end
    end
  end

  for i = n + 1, #keys do
    count_lapse(keys[i], now_ms, threshold, first_wait_ms, longest_wait_ms, window_ms)
  end
  return 'OK'
end

--[[
  Say whether this server knows the claims of a performance.

  KEYS
    1          the warm mark
  ARGV
    1          '1' to leave the mark

  Returns 1 if it does (with the mark left: from now on), else 0.
]]
local function gate_warmth(keys, args)
  local mark_key, leave_mark = keys[1], args[1] == '1'
  local run_id = string.match(server.call('INFO', 'server'), 'run_id:(%x+)')
  if leave_mark then server.call('SET', mark_key, run_id) end
  return server.call('GET', mark_key) == run_id and 1 or 0
end

server.register_function('fr_gate_warmth', gate_warmth)
server.register_function('fr_claim_seats', claim_seats)
server.register_function('fr_write_seats', write_seats)
