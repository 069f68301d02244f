-- Calls per window, counted inside the function that does the work (Note [Limits in a function]
-- in kernel/redis/limits.py). One key a caller, in the hash tag of the function's other keys.

-- Count a call on `key`; return the calls left, the seconds until the window ends, and whether
-- the call is refused. A sliding window counter: the window before counts by the share of it
-- that is still in view. A refused call isn't counted. `amount` 0 means no limit.
local function count_call(key, amount, period_ms, now_ms)
  if amount <= 0 then return 0, 0, false end
  local window = math.floor(now_ms / period_ms)
  local at, current, previous = window, 0, 0
  local text = server.call('GET', key)
  if text then
    local kept_at, kept, before = string.match(text, '^(%d+) (%d+) (%d+)$')
    at, current, previous = tonumber(kept_at), tonumber(kept), tonumber(before)
    -- Further ahead than clocks are: counted by another period, before staff changed the limit.
    if at > window + 1 then at, current, previous = window, 0, 0 end
    if at < window then
      current, previous = 0, at == window - 1 and current or 0
      at = window
    end
  end
  local passed = math.max(0, now_ms - at * period_ms)
  local seen = previous * (1 - passed / period_ms) + current
  local reset = math.max(1, math.ceil((period_ms - passed) / 1000))
  if seen + 1 > amount then return 0, reset, true end
  local text_now = string.format('%.0f %.0f %.0f', at, current + 1, previous)
  server.call('SET', key, text_now, 'PX', string.format('%.0f', 2 * period_ms))
  return math.floor(amount - seen - 1), reset, false
end
