-- How often a person and an address may join (Note [Who may join] in README.md), counted for a whole batch:
-- two hashes that alternate by window, caller -> count_text, of which the other window's is still in view.
-- The field WINDOW says which window a hash is of; one of an earlier window is dropped.

local WINDOW = 'window'
local SHORTEST_WINDOW_MS = 120000

-- Return the limits in force, the room's own calls a minute before the site's.
local function limits_of(room, user_calls, user_period_ms, address_calls, address_period_ms)
  local function limit_of(own_per_minute, calls, period_ms)
    if own_per_minute then calls, period_ms = own_per_minute, 60000 end
    -- What follows is how a caller's first call is counted, once somebody makes one.
    return {calls = calls + 0, period_ms = period_ms + 0, text = false, remaining = 0, reset = 0}
  end
  return limit_of(room.per_user_minute, user_calls, user_period_ms),
    limit_of(room.per_address_minute, address_calls, address_period_ms)
end

-- Read the callers' counts. A window is at least as long as a limit's period, so that no call that still
-- counts is in a third one; and a period into a window, none of the last counts any more.
local function read_counts(room, calls_keys, callers, period_ms)
  local window_ms = math.max(SHORTEST_WINDOW_MS, period_ms)
  local window = math.floor(room.now / window_ms)
  local counts = {
    key = calls_keys[window % 2 + 1], name = whole(window_ms) .. ':' .. whole(window), window_ms = window_ms,
    texts = {}, changed = {}, at = {},
  }
  local texts = counts.texts
  local this = server.call('HMGET', counts.key, WINDOW, unpack(callers))
  counts.is_new = this[1] ~= counts.name
  if not counts.is_new then
    for i, caller in ipairs(callers) do texts[caller] = this[i + 1] or nil end
  end
  if room.now - window * window_ms >= period_ms then return counts end
  local last = server.call('HMGET', calls_keys[(window + 1) % 2 + 1], WINDOW, unpack(callers))
  if last[1] == whole(window_ms) .. ':' .. whole(window - 1) then
    for i, caller in ipairs(callers) do texts[caller] = texts[caller] or last[i + 1] or nil end
  end
  return counts
end

local function write_counts(counts)
  if #counts.changed == 0 then return end
  if counts.is_new then
    server.call('DEL', counts.key)
    server.call('HSET', counts.key, WINDOW, counts.name)
    server.call('PEXPIRE', counts.key, whole(3 * counts.window_ms))
  end
  server.call('HSET', counts.key, unpack(counts.changed))
end

local function keep_count(counts, caller, text)
  local changed, at = counts.changed, counts.at[caller]
  if not at then
    at = #changed + 1
    counts.at[caller], changed[at] = at, caller
  end
  changed[at + 1], counts.texts[caller] = text, text
end

-- Work out how a caller's first call is counted, which most callers of a batch make: the same for all of them.
local function count_first(limit, now)
  local arrival, _
  limit.remaining, limit.reset, _, arrival = count_after(0, limit.calls, limit.period_ms, now)
  limit.text = count_text(arrival, limit.calls, limit.period_ms)
end

-- Count the call by one limit; return how many calls remain, the seconds until all of them do again, and
-- whether the call is refused.
local function count_by(counts, limit, caller, now)
  local text = counts.texts[caller]
  if not text then
    if not limit.text then count_first(limit, now) end
    keep_count(counts, caller, limit.text)
    return limit.remaining, limit.reset, false
  end
  local calls, period_ms = limit.calls, limit.period_ms
  local known, is_converted = arrival_of(text, calls, period_ms, now)
  local remaining, reset, refused, arrival = count_after(known, calls, period_ms, now)
  if is_converted or not refused then
    keep_count(counts, caller, count_text(arrival, calls, period_ms))
  end
  return remaining, reset, refused
end
