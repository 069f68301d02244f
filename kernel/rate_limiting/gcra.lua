-- The generic cell rate algorithm, counted inside the function that does the work (Note [Limits in
-- a function] in in_redis.py). One key a caller, in the hash tag of the function's other keys:
-- "<theoretical arrival ms> <amount> <period ms>".

local KEPT_MS = 10000  -- beyond the arrival: more than two hosts' clocks may differ

-- The caller's clock, at most `skew` ms away from this server's: all hosts count by one clock.
local function counting_clock(now_ms, skew)
  local time = server.call('TIME')
  local here = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
  return math.max(here - skew, math.min(now_ms, here + skew))
end

local function count_text(theoretical_arrival, amount, period_ms)
  local form = theoretical_arrival % 1 == 0 and '%d %d %d' or '%.6f %d %d'  -- %d is several times as fast
  return string.format(form, theoretical_arrival, amount, period_ms)
end

-- Return the theoretical arrival that a count's text says, and whether it was counted by another limit,
-- before staff changed it: those calls stay as many as they were, as far as the limit in force allows.
local function arrival_of(text, amount, period_ms, now_ms)
  if not text then return 0, false end
  local arrival, its_amount, its_period = string.match(text, '^(%S+) (%d+) (%d+)$')
  if not arrival then return tonumber(text) or 0, false end  -- an earlier release's
  arrival, its_amount, its_period = tonumber(arrival), tonumber(its_amount), tonumber(its_period)
  if its_amount == amount and its_period == period_ms then return arrival, false end
  local calls = math.max(0, arrival - now_ms) * its_amount / its_period
  return now_ms + math.min(calls * period_ms / amount, period_ms), true
end

-- Count a call after `arrival`; return how many calls remain, the whole seconds until all of them do
-- again (of a refused call: until it would pass), whether the call is refused, and the arrival to keep.
-- The arithmetic is that of gcra.py. A refused call isn't counted.
local function count_after(arrival, amount, period_ms, now_ms)
  local emission_interval = period_ms / amount
  local next_arrival = math.max(arrival, now_ms) + emission_interval
  local room = now_ms + period_ms - next_arrival
  if room < -math.min(1, emission_interval / 2) then
    return 0, math.max(1, math.ceil((-room - 1) / 1000)), true, arrival
  end
  local remaining = math.max(0, math.floor(room / emission_interval + 0.001))
  return remaining, math.max(1, math.ceil((next_arrival - now_ms - 1) / 1000)), false, next_arrival
end

-- Count a call on `key`; return the first three of `count_after`. An `amount` of 0 means no limit.
local function count_call(key, amount, period_ms, now_ms)
  if amount <= 0 then return 0, 0, false end
  local known, is_converted = arrival_of(server.call('GET', key), amount, period_ms, now_ms)
  local remaining, reset, refused, arrival = count_after(known, amount, period_ms, now_ms)
  if is_converted or not refused then
    server.call('SET', key, count_text(arrival, amount, period_ms),
      'PX', string.format('%.0f', math.max(0, arrival - now_ms) + KEPT_MS))
  end
  return remaining, reset, refused
end
