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

local function keep_count(key, theoretical_arrival, amount, period_ms, now_ms)
  server.call('SET', key, string.format('%.6f %.0f %.0f', theoretical_arrival, amount, period_ms),
    'PX', string.format('%.0f', math.max(0, theoretical_arrival - now_ms) + KEPT_MS))
end

-- Return the caller's theoretical arrival. Calls counted by another limit, before staff changed it,
-- stay as many as they were, as far as the limit in force allows so many.
local function known_count(key, amount, period_ms, now_ms)
  local kept = server.call('GET', key)
  if not kept then return 0 end
  local arrival, its_amount, its_period = string.match(kept, '^(%S+) (%d+) (%d+)$')
  if not arrival then return tonumber(kept) or 0 end  -- an earlier release's
  arrival, its_amount, its_period = tonumber(arrival), tonumber(its_amount), tonumber(its_period)
  if its_amount == amount and its_period == period_ms then return arrival end
  local calls = math.max(0, arrival - now_ms) * its_amount / its_period
  arrival = now_ms + math.min(calls * period_ms / amount, period_ms)
  keep_count(key, arrival, amount, period_ms, now_ms)
  return arrival
end

-- Count a call on `key`; return how many calls remain, the whole seconds until all of them do
-- again (of a refused call: until it would pass), and whether the call is refused. The arithmetic is
-- that of gcra.py. A refused call isn't counted. An `amount` of 0 means no limit.
local function count_call(key, amount, period_ms, now_ms)
  if amount <= 0 then return 0, 0, false end
  local emission_interval = period_ms / amount
  local arrival = math.max(known_count(key, amount, period_ms, now_ms), now_ms) + emission_interval
  local room = now_ms + period_ms - arrival
  if room < -math.min(1, emission_interval / 2) then
    return 0, math.max(1, math.ceil((-room - 1) / 1000)), true
  end
  keep_count(key, arrival, amount, period_ms, now_ms)
  local remaining = math.max(0, math.floor(room / emission_interval + 0.001))
  return remaining, math.max(1, math.ceil((arrival - now_ms - 1) / 1000)), false
end
