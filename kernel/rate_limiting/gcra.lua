-- Calls per period, counted inside the function that does the work (Note [Limits in a function]
-- in kernel/rate_limiting/in_redis.py). One key a caller, in the hash tag of the function's other keys:
-- "<theoretical arrival ms> <amount> <period ms>".

local KEPT_MS = 10000  -- beyond the arrival: more than two hosts' clocks may differ

-- The caller's clock, at most `skew` ms away from this server's: all hosts count by one clock.
local function counting_clock(now_ms, skew)
  local time = server.call('TIME')
  local here = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
  return math.max(here - skew, math.min(now_ms, here + skew))
end

local function keep_count(key, due, amount, period_ms, now_ms)
  server.call('SET', key, string.format('%.6f %.0f %.0f', due, amount, period_ms),
    'PX', string.format('%.0f', math.max(0, due - now_ms) + KEPT_MS))
end

-- Return the caller's theoretical arrival. What was counted by another limit, before staff changed
-- it, stays as many calls as it was, within what the limit in force knows.
local function known_count(key, amount, period_ms, now_ms)
  local kept = server.call('GET', key)
  if not kept then return 0 end
  local due, its_amount, its_period = string.match(kept, '^(%S+) (%d+) (%d+)$')
  if not due then return tonumber(kept) or 0 end  -- an earlier release's
  due, its_amount, its_period = tonumber(due), tonumber(its_amount), tonumber(its_period)
  if its_amount == amount and its_period == period_ms then return due end
  local calls = math.max(0, due - now_ms) * its_amount / its_period
  due = now_ms + math.min(calls * period_ms / amount, period_ms)
  keep_count(key, due, amount, period_ms, now_ms)
  return due
end

-- Count a call on `key`; return how many calls are left, the whole seconds until all of them are
-- again (of a refused call: until it would pass), and whether the call is refused. kernel/rate_limiting/gcra.py
-- has the same arithmetic and says what it is. A refused call isn't counted. `amount` 0: no limit.
local function count_call(key, amount, period_ms, now_ms)
  if amount <= 0 then return 0, 0, false end
  local each = period_ms / amount
  local due = math.max(known_count(key, amount, period_ms, now_ms), now_ms) + each
  local room = now_ms + period_ms - due
  if room < -math.min(1, each / 2) then return 0, math.max(1, math.ceil((-room - 1) / 1000)), true end
  keep_count(key, due, amount, period_ms, now_ms)
  local left = math.max(0, math.floor(room / each + 0.001))
  return left, math.max(1, math.ceil((due - now_ms - 1) / 1000)), false
end
