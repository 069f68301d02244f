#!lua name=frontrow_queue_v1
-- The waiting room of one performance as a function of time (Note [Waiting room] in README.md).
-- Every function brings the room up to `now_ms` first, so nobody depends on a ticking job; work
-- per call is bounded by BATCH, and what is left over is done by the next call.
--
-- KEYS (one hash tag): config, state, waiting {user -> number}, active {user -> deadline ms},
-- people {user -> "number letter until joined"}, birth.
-- Letters: W waiting, G admitted but not yet come (grace), A admitted and come (session),
-- E expired, L left, F finished.

local BATCH = 256
local BURST_MS = 2000          -- missed time is repaid up to this much of the rate
local PACE_WINDOW_MS = 5000
local CONFIG = {'required', 'phase', 'joins_from', 'admits_from', 'rate', 'capacity', 'grace', 'session', 'remember'}
local STATE = {'run', 'epoch', 'next', 'ceiling', 'serving', 'now', 'credit', 'resume', 'admitted', 'waited', 'pace', 'window', 'window_admitted'}

local run_id  -- this server's; a restart or a failover loads the library afresh and so forgets it

local function current_run()
  if not run_id then
    run_id = string.match(server.call('INFO', 'server'), 'run_id:(%x+)')
  end
  return run_id
end

local function whole(number)  -- Lua writes large numbers as 1e+15
  return string.format('%.0f', number)
end

-- Name the gap that this server woke up with, so that a `begin` meant for an earlier gap and
-- delivered late is refused: it would hand out the same numbers again.
local function birth(keys)
  local id = server.call('GET', keys[6])
  if not id or string.sub(id, 1, #current_run()) ~= current_run() then
    local time = server.call('TIME')
    id = current_run() .. ':' .. time[1] .. '.' .. time[2]
    server.call('SET', keys[6], id, 'EX', 60)
  end
  return id
end

-- Return the room, or nil and why it can't be entered.
local function enter(keys, now_ms)
  local config = server.call('HMGET', keys[1], unpack(CONFIG))
  if not config[1] then return nil, {'COLD', ''} end
  if config[1] ~= '1' then return nil, {'NOT_REQUIRED'} end
  local state = server.call('HMGET', keys[2], unpack(STATE))
  if not state[1] or state[1] ~= current_run() then return nil, {'COLD', birth(keys)} end
  local room = {keys = keys, phase = config[2]}
  for i = 3, #CONFIG do room[CONFIG[i]] = tonumber(config[i]) end
  for i = 2, #STATE do room[STATE[i]] = tonumber(state[i]) end
  room.last = room.now
  room.now = math.max(tonumber(now_ms), room.last)  -- never backwards, whoever's clock is behind
  if room.phase == 'PRESALE' then  -- opens by time, without anybody's help
    room.last = math.max(room.last, room.admits_from)
    if room.now >= room.admits_from then room.phase = 'OPEN' end
  end
  room.last = math.max(room.last, room.resume)
  return room
end

local function has_place(record)
  return record and (record.letter == 'W' or record.letter == 'G' or record.letter == 'A')
end

local function write(room, user, record)
  local text = table.concat({whole(record.number), record.letter, whole(record.deadline), whole(record.joined)}, ' ')
  server.call('HSET', room.keys[5], user, text)
  if not has_place(record) then
    server.call('HEXPIRE', room.keys[5], room.remember, 'FIELDS', 1, user)
  end
end

local function read(room, user)
  local text = server.call('HGET', room.keys[5], user)
  if not text then return nil end
  local number, letter, deadline, joined = string.match(text, '^(%d+) (%a) (%d+) (%d+)$')
  return {number = tonumber(number), letter = letter, deadline = tonumber(deadline), joined = tonumber(joined)}
end

local function finish_place(room, user, record, letter)
  server.call('ZREM', room.keys[record.letter == 'W' and 3 or 4], user)
  record.letter, record.deadline = letter, 0
  write(room, user, record)
end

local function lapse(room)
  local gone = server.call('ZRANGE', room.keys[4], '-inf', whole(room.now), 'BYSCORE', 'LIMIT', 0, BATCH)
  for _, user in ipairs(gone) do
    local record = read(room, user)
    if record then
      finish_place(room, user, record, 'E')
    else
      server.call('ZREM', room.keys[4], user)
    end
  end
end

-- The rate of admission really seen, for honest waiting times: an average over windows in which
-- somebody waited; an empty room says nothing about how fast it would move.
local function measure_pace(room)
  local elapsed = room.now - room.window
  if elapsed < PACE_WINDOW_MS then return end
  if room.window > 0 and server.call('EXISTS', room.keys[3]) == 1 then
    local floor = math.min(room.rate, room.capacity * 1000 / room.session)  -- sessions do end
    room.pace = math.max(floor, 0.5 * room.pace + 0.5 * room.window_admitted * 1000 / elapsed)
  else
    room.pace = room.rate
  end
  room.window, room.window_admitted = room.now, 0
end

local function accrue(room)
  if room.phase == 'OPEN' or room.phase == 'DRAINING' then
    local burst = math.max(1, room.rate * BURST_MS / 1000)
    local earned = room.rate * math.max(0, room.now - room.last) / 1000
    room.credit = math.min(burst, room.credit + earned)
  else
    room.credit = 0
  end
end

local function admit(room)
  -- Deadlines are compared, not members counted: a lapsed fan that no sweep has met holds nobody up.
  local live = server.call('ZCOUNT', room.keys[4], '(' .. whole(room.now), '+inf')
  local places = math.min(room.capacity - live, math.floor(room.credit + 1e-6), BATCH)
  if places < 1 then return 0 end
  local popped = server.call('ZPOPMIN', room.keys[3], places)
  for i = 1, #popped, 2 do
    local user, number = popped[i], tonumber(popped[i + 1])
    local record = read(room, user) or {number = number, joined = room.now}
    record.letter, record.deadline = 'G', room.now + room.grace
    server.call('ZADD', room.keys[4], whole(record.deadline), user)
    write(room, user, record)
    room.serving = math.max(room.serving, number)
    room.waited = room.waited + (room.now - record.joined)
  end
  local count = #popped / 2
  room.credit = math.max(0, room.credit - count)
  room.admitted = room.admitted + count
  room.window_admitted = room.window_admitted + count
  return count
end

local function advance(room)
  measure_pace(room)
  lapse(room)
  accrue(room)
end

local function save(room)
  server.call('HSET', room.keys[2], 'next', whole(room.next), 'serving', whole(room.serving),
    'now', whole(room.now), 'credit', string.format('%.6f', room.credit),
    'admitted', whole(room.admitted), 'waited', whole(room.waited),
    'pace', string.format('%.6f', room.pace), 'window', whole(room.window),
    'window_admitted', whole(room.window_admitted))
end

local function close_with(room, reply)
  admit(room)
  save(room)
  return reply
end

-- Answer for a user's place as it is after this call; a fan seen admitted has come, and the
-- session starts.
local function answer(room, status, user)
  local record = read(room, user)
  if record.letter == 'G' then
    record.letter, record.deadline = 'A', room.now + room.session
    server.call('ZADD', room.keys[4], whole(record.deadline), user)
    write(room, user, record)
  end
  local ahead = record.letter == 'W' and server.call('ZRANK', room.keys[3], user) or 0
  return {status, room.epoch, record.number, record.letter, ahead, record.deadline, room.phase,
    server.call('ZCARD', room.keys[3]), string.format('%.6f', room.pace), room.admits_from, room.now}
end

local function current_place(room, user)
  local record = read(room, user)
  if record and (record.letter == 'G' or record.letter == 'A') and record.deadline <= room.now then
    finish_place(room, user, record, 'E')
  end
  return record
end

local function wait_at(room, user, number)
  server.call('ZADD', room.keys[3], number, user)
  write(room, user, {number = number, letter = 'W', deadline = 0, joined = room.now})
end

-- A token of an earlier epoch proves a place that this server has lost. Within one epoch it proves
-- nothing new: a place that was left or used up would come back. A pass restores the session.
local function restore(room, user, args)
  local number, epoch, until_ms = tonumber(args[3]), tonumber(args[4]), tonumber(args[5])
  if number <= 0 or epoch >= room.epoch then return false end
  if until_ms > room.now then
    server.call('ZADD', room.keys[4], whole(until_ms), user)
    write(room, user, {number = number, letter = 'A', deadline = until_ms, joined = room.now})
  else
    wait_at(room, user, number)
  end
  return true
end

local function refuses_joins(room)
  if room.phase == 'CLOSED' or room.phase == 'DRAINING' then return {'CLOSED'} end
  if room.phase == 'PAUSED' then return {'PAUSED'} end
  if room.phase == 'PRESALE' and room.now < room.joins_from then return {'NOT_OPEN', room.joins_from} end
  if room.next >= room.ceiling then return {'CEILING', room.epoch, room.ceiling} end
  return nil
end

-- args: now_ms, user, then of the presented token: number, epoch, admitted_until (0 = none)
local function join(keys, args)
  local room, refusal = enter(keys, args[1])
  if not room then return refusal end
  local user = args[2]
  advance(room)
  local record, status = current_place(room, user), 'SAME'
  if not has_place(record) and (record or not restore(room, user, args)) then
    local why = refuses_joins(room)
    if why then return close_with(room, why) end
    room.next = room.next + 1
    wait_at(room, user, room.next)
    status = 'NEW'
  end
  admit(room)
  local reply = answer(room, status, user)
  save(room)
  return reply
end

-- args: as join's
local function poll(keys, args)
  local room, refusal = enter(keys, args[1])
  if not room then return refusal end
  local user = args[2]
  advance(room)
  local record, number = current_place(room, user), tonumber(args[3])
  if record and record.number == 0 and number > 0 then  -- ended while the server had lost it
    record.number = number
    write(room, user, record)
  elseif not record and not restore(room, user, args) then
    if number <= 0 then return close_with(room, {'UNKNOWN'}) end
    write(room, user, {number = number, letter = 'E', deadline = 0, joined = room.now})
  end
  admit(room)
  local reply = answer(room, 'SAME', user)
  save(room)
  if room.phase == 'CLOSED' and reply[4] == 'W' then return {'CLOSED'} end
  return reply
end

-- args: now_ms, user, letter (L leaves whatever the place; F finishes a session, not a new wait)
local function quit(keys, args)
  local room, refusal = enter(keys, args[1])
  if not room then return refusal end
  local user, letter = args[2], args[3]
  advance(room)
  local record = current_place(room, user)
  if not record then  -- remembered, so that a token of an earlier epoch doesn't bring it back
    write(room, user, {number = 0, letter = letter, deadline = 0, joined = room.now})
  elseif has_place(record) and (letter == 'L' or record.letter ~= 'W') then
    finish_place(room, user, record, letter)
  end
  return close_with(room, {'OK'})
end

local function tick(keys, args)
  local room, refusal = enter(keys, args[1])
  if not room then return refusal end
  advance(room)
  local count = admit(room)
  save(room)
  return {'OK', room.epoch, room.next, room.ceiling, room.serving, server.call('ZCARD', keys[3]),
    server.call('ZCOUNT', keys[4], '(' .. whole(room.now), '+inf'), room.admitted, whole(room.waited),
    room.phase, string.format('%.6f', room.rate), count, room.capacity, string.format('%.6f', room.pace)}
end

-- args: now_ms, ttl seconds, version, then CONFIG's values in order
local function configure(keys, args)
  local known = tonumber(server.call('HGET', keys[1], 'version') or 0)
  if tonumber(args[3]) > known then
    local room = enter(keys, args[1])
    if room then  -- time until now counts under the old rules
      advance(room)
      close_with(room)
    end
    server.call('HSET', keys[1], 'version', args[3])
    for i, name in ipairs(CONFIG) do server.call('HSET', keys[1], name, args[3 + i]) end
  end
  for i = 1, 5 do server.call('EXPIRE', keys[i], args[2]) end
  return 'OK'
end

-- args: now_ms, birth, epoch, first free number - 1, ceiling, serving, pause ms
local function begin(keys, args)
  local state = server.call('HMGET', keys[2], 'run', 'now', 'serving', 'admitted', 'waited')
  if state[1] and state[1] == current_run() then return 'KNOWN' end
  if server.call('GET', keys[6]) ~= args[2] then return 'STALE' end
  local pause = tonumber(args[7])
  local now = math.max(tonumber(args[1]), tonumber(state[2] or 0))
  server.call('HSET', keys[2], 'run', current_run(), 'epoch', args[3], 'next', args[4],
    'ceiling', args[5], 'serving', whole(math.max(tonumber(args[6]), tonumber(state[3] or 0))),
    'now', pause > 0 and whole(now) or 0, 'credit', 0, 'resume', pause > 0 and whole(now + pause) or 0,
    'admitted', state[4] or 0, 'waited', state[5] or 0, 'window', 0, 'window_admitted', 0,
    'pace', server.call('HGET', keys[1], 'rate') or 1)
  server.call('DEL', keys[6])
  return 'BEGUN'
end

-- args: epoch, ceiling. An answer of another epoch's block would overlap this one's numbers.
local function raise(keys, args)
  local state = server.call('HMGET', keys[2], 'run', 'epoch', 'ceiling')
  if state[1] ~= current_run() or tonumber(state[2]) ~= tonumber(args[1]) then return 0 end
  if tonumber(args[2]) > tonumber(state[3]) then server.call('HSET', keys[2], 'ceiling', args[2]) end
  return 1
end

server.register_function('frontrow_queue_v1_join', join)
server.register_function('frontrow_queue_v1_poll', poll)
server.register_function('frontrow_queue_v1_quit', quit)
server.register_function('frontrow_queue_v1_tick', tick)
server.register_function('frontrow_queue_v1_configure', configure)
server.register_function('frontrow_queue_v1_begin', begin)
server.register_function('frontrow_queue_v1_raise', raise)
