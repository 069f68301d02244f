#!lua name=frontrow_logins_v1
-- Failed logins, counted before they are judged (Note [Failed logins] in accounts/attempts.py).
-- The pace is that of kernel/rate_limiting/gcra.py, by this server's clock alone: one number a key, the moment at
-- which the last try would have come at an even pace.

local function now_ms()
  local time = server.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

-- Return the new moment of a counter, and for how many ms a try has to wait (0: it may come).
local function after_one_more(key, amount, period_ms, now)
  local each = period_ms / amount
  local due = tonumber(server.call('GET', key) or '') or 0
  if due > now + period_ms + each then due = 0 end  -- another limit's, before staff changed it
  due = math.max(due, now) + each
  local over = due - now - period_ms
  return due, over > math.min(1, each / 2) and over or 0
end

local function keep(key, due, now)
  server.call('SET', key, string.format('%.3f', due), 'PX', string.format('%.0f', due - now + 1000))
end

-- keys: of the client IP, of the device, of the account elsewhere, of the IP of this account, and
-- the mark that it is known; args: 1 if the device showed its token, then amount and period in ms of
-- an IP, a device and an account. Return whose limit refuses (0: nobody's, and the try is counted),
-- the ms to wait, and which of the keys was counted beside the first.
server.register_function('login_begin', function(keys, args)
  local now = now_ms()
  local second, at = 3, 6
  if args[1] == '1' then second, at = 2, 4
  elseif server.call('EXISTS', keys[5]) == 1 then second, at = 4, 4 end
  local ip_due, ip_wait = after_one_more(keys[1], tonumber(args[2]), tonumber(args[3]), now)
  if ip_wait > 0 then return {1, math.ceil(ip_wait), second} end
  local due, wait = after_one_more(keys[second], tonumber(args[at]), tonumber(args[at + 1]), now)
  if wait > 0 then return {second, math.ceil(wait), second} end
  keep(keys[1], ip_due, now)
  keep(keys[second], due, now)
  return {0, 0, second}
end)

-- The try was right: give back what it took. keys: the two counters and the mark; args: ms each took,
-- for how many ms the mark lasts (0: leave it).
server.register_function('login_succeed', function(keys, args)
  local now = now_ms()
  for i = 1, 2 do
    local due = tonumber(server.call('GET', keys[i]) or '')
    if due then
      due = due - tonumber(args[i])
      if due > now then keep(keys[i], due, now) else server.call('DEL', keys[i]) end
    end
  end
  if tonumber(args[3]) > 0 then server.call('SET', keys[3], '1', 'PX', args[3]) end
  return 1
end)
