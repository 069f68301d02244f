#!lua name=frontrow_limits_v1
-- The library of limits that are counted for all processes: count a call of each of many callers.

-- KEYS  a caller's each
-- ARGV  1 now_ms  2 skew_ms  3 amount  4 period_ms
-- Returns three numbers a caller: calls that remain, seconds until reset, 1 if the call is refused.
server.register_function('frontrow_limits_v1_count', function(keys, args)
  local amount, period_ms = tonumber(args[3]), tonumber(args[4])
  local now_ms = counting_clock(tonumber(args[1]), tonumber(args[2]))
  local counted = {}
  for _, key in ipairs(keys) do
    local remaining, reset, refused = count_call(key, amount, period_ms, now_ms)
    counted[#counted + 1] = remaining
    counted[#counted + 1] = reset
    counted[#counted + 1] = refused and 1 or 0
  end
  return counted
end)
