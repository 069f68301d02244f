-- Calls per period, counted inside the function that does the work (Note [Limits in a function]
-- in kernel/redis/limits.py). One key a caller, in the hash tag of the function's other keys.

-- Count a call on `key`; return how many calls are left, the whole seconds until all of them are
-- again (of a refused call: until it would pass), and whether the call is refused. kernel/pace.py
-- has the same arithmetic and says what it is. A refused call isn't counted. `amount` 0: no limit.
local function count_call(key, amount, period_ms, now_ms)
  if amount <= 0 then return 0, 0, false end
  local each = period_ms / amount
  local due = tonumber(server.call('GET', key) or '') or 0
  if due > now_ms + period_ms + 1000 then due = 0 end  -- another limit's, before staff changed it
  due = math.max(due, now_ms) + each
  local room = now_ms + period_ms - due
  if room < -math.min(1, each / 2) then return 0, math.max(1, math.ceil((-room - 1) / 1000)), true end
  server.call('SET', key, string.format('%.6f', due), 'PX', string.format('%.0f', due - now_ms + 1000))
  local left = math.max(0, math.floor(room / each + 0.001))
  return left, math.max(1, math.ceil((due - now_ms - 1) / 1000)), false
end
