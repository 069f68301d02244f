#!lua name=frontrow_logins_v1
-- Login attempts, counted before they are judged (Note [Failed logins] in accounts/attempts.py).
-- GCRA as in kernel/rate_limiting/gcra.py, by this server's clock alone. A key holds one number: the
-- theoretical arrival (ms) of the last attempt at an even pace.

local function clock_ms()
  local time = server.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

-- Return the theoretical arrival after one more attempt, and the ms to wait (0: it may come).
local function count_attempt(key, amount, period_ms, now_ms)
  local emission_interval = period_ms / amount
  local arrival = tonumber(server.call('GET', key) or '') or 0
  -- An arrival beyond the limit was counted by another one, before staff changed it.
  if arrival > now_ms + period_ms + emission_interval then arrival = 0 end
  arrival = math.max(arrival, now_ms) + emission_interval
  local excess_ms = arrival - now_ms - period_ms
  return arrival, excess_ms > math.min(1, emission_interval / 2) and excess_ms or 0
end

local function keep_arrival(key, arrival, now_ms)
  server.call('SET', key, string.format('%.3f', arrival),
    'PX', string.format('%.0f', arrival - now_ms + 1000))
end

-- Count an attempt by two limits: the client IP's, and the device's or the account's.
--   KEYS[1] count of the client IP      KEYS[2] count of the device that showed its token
--   KEYS[3] count of the account, for everybody else
--   KEYS[4] count of a known client IP  KEYS[5] mark: this client IP has logged in to the account
--   ARGV[1] 1 if the device showed its token
--   ARGV[2..3] amount and period (ms) of a client IP    ARGV[4..5] of a device
--   ARGV[6..7] of an account
-- Returns the key whose limit refuses (0: none, and the attempt is counted), the ms to wait, and
-- the key that counts beside the first.
server.register_function('login_begin', function(keys, args)
  local ip_count, known_mark = keys[1], keys[5]
  local has_token = args[1] == '1'
  local ip = {amount = tonumber(args[2]), period_ms = tonumber(args[3])}
  local device = {amount = tonumber(args[4]), period_ms = tonumber(args[5])}
  local account = {amount = tonumber(args[6]), period_ms = tonumber(args[7])}

  local second, limit = 3, account
  if has_token then second, limit = 2, device
  elseif server.call('EXISTS', known_mark) == 1 then second, limit = 4, device end

  local now_ms = clock_ms()
  local ip_arrival, ip_wait = count_attempt(ip_count, ip.amount, ip.period_ms, now_ms)
  if ip_wait > 0 then return {1, math.ceil(ip_wait), second} end
  local arrival, wait = count_attempt(keys[second], limit.amount, limit.period_ms, now_ms)
  if wait > 0 then return {second, math.ceil(wait), second} end
  keep_arrival(ip_count, ip_arrival, now_ms)
  keep_arrival(keys[second], arrival, now_ms)
  return {0, 0, second}
end)

-- Take an attempt back that was right.
--   KEYS[1], KEYS[2] the two counts   KEYS[3] the mark of the client IP
--   ARGV[1], ARGV[2] emission intervals (ms) of the two counts
--   ARGV[3] how long the mark lasts (ms); 0 leaves it as it is
server.register_function('login_succeed', function(keys, args)
  local known_mark, mark_ms = keys[3], args[3]
  local now_ms = clock_ms()
  for i = 1, 2 do
    local count, emission_interval = keys[i], tonumber(args[i])
    local arrival = tonumber(server.call('GET', count) or '')
    if arrival then
      arrival = arrival - emission_interval
      if arrival > now_ms then keep_arrival(count, arrival, now_ms) else server.call('DEL', count) end
    end
  end
  if tonumber(mark_ms) > 0 then server.call('SET', known_mark, '1', 'PX', mark_ms) end
  return 1
end)
