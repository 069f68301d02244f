-- How often a person and an address may join (Note [Who may join] in README.md), counted for a whole batch:
-- two hashes that alternate by window, caller -> count_text, of which the other window's is still in view.
-- The field WINDOW says which window a hash is of; one of an earlier window is dropped.

local WINDOW = 'window'
local SHORTEST_WINDOW_MS = 120000

-- Return the limits in force, the room's own calls a minute before the site's.
local function limits_of(room, user_calls, user_period_ms, address_calls, address_period_ms)
  local function limit_of(own_per_minute, calls, period_ms)
    if own_per_minute then return {calls = own_per_minute, period_ms = 60000} end
    return {calls = tonumber(calls), period_ms = tonumber(period_ms)}
  end
  return limit_of(room.per_user_minute, user_calls, user_period_ms),
    limit_of(room.per_address_minute, address_calls, address_period_ms)
end

-- Read the callers' counts. A window is at least as long as a limit's period, so that no call that still
-- counts is in a third one.
local function read_counts(room, calls_keys, callers, period_ms)
  local window_ms = math.max(SHORTEST_WINDOW_MS, period_ms)
  local window = math.floor(room.now / window_ms)
  local counts = {
    key = calls_keys[window % 2 + 1], name = whole(window_ms) .. ':' .. whole(window), window_ms = window_ms,
    texts = {}, changed = {},
  }
  local this = server.call('HMGET', counts.key, WINDOW, unpack(callers))
  local last = server.call('HMGET', calls_keys[(window + 1) % 2 + 1], WINDOW, unpack(callers))
  counts.is_new = this[1] ~= counts.name
  local has_last = last[1] == whole(window_ms) .. ':' .. whole(window - 1)
  for i, caller in ipairs(callers) do
    counts.texts[caller] = not counts.is_new and this[i + 1] or has_last and last[i + 1] or nil
  end
  return counts
end

local function write_counts(counts)
  local to_write = {}
  for caller in pairs(counts.changed) do
    to_write[#to_write + 1] = caller
    to_write[#to_write + 1] = counts.texts[caller]
  end
  if #to_write == 0 then return end
  if counts.is_new then
    server.call('DEL', counts.key)
    server.call('HSET', counts.key, WINDOW, counts.name)
    server.call('PEXPIRE', counts.key, whole(3 * counts.window_ms))
  end
  server.call('HSET', counts.key, unpack(to_write))
end

-- Count the call by one limit; return how many calls remain, the seconds until all of them do again, and
-- whether the call is refused.
local function count_by(room, counts, limit, caller)
  local calls, period_ms = limit.calls, limit.period_ms
  if calls <= 0 then return 0, 0, false end
  local known, is_converted = arrival_of(counts.texts[caller], calls, period_ms, room.now)
  local remaining, reset, refused, arrival = count_after(known, calls, period_ms, room.now)
  if is_converted or not refused then
    counts.texts[caller], counts.changed[caller] = count_text(arrival, calls, period_ms), true
  end
  return remaining, reset, refused
end
