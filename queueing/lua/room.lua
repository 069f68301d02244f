-- The waiting room of one performance as a function of time (Note [Waiting room] in README.md).
-- Every function brings the room up to `now_ms` first, so nobody depends on a ticking job; work
-- per call is bounded by BATCH, and what is left over is done by the next call.
--
-- KEYS (one hash tag): config, state, waiting {user -> number}, active {user -> deadline ms},
-- people {user -> "number letter until joined"} (of an ended place: until is when it ended), birth; join's also: calls of the user, calls of
-- the address, {users who joined from the address}.
-- Letters: W waiting, G admitted but not yet come (grace), A admitted and come (session),
-- E expired, L left, F finished.

local BATCH = 256
local BURST_MS = 2000          -- missed time is repaid up to this much of the rate
local PACE_WINDOW_MS = 5000
local WATCH_MS = 60000         -- exits older than about this no longer tell how fast places free
local RULES_KEPT = 1000
local SAVE_MS = 10             -- a clock that moved less need not be written down
local CONFIG = {'required', 'phase', 'check', 'joins_from', 'admits_from', 'rate', 'capacity', 'grace', 'session', 'remember',
  'skew', 'work_bits', 'per_address', 'per_user_minute', 'per_address_minute'}
local WORDS = 3                -- the first fields of CONFIG are no numbers
local STATE = {'run', 'seed', 'epoch', 'next', 'ceiling', 'serving', 'now', 'credit', 'resume', 'admitted', 'waited', 'pace',
  'window', 'window_admitted', 'draw_start', 'drawn', 'draw_ceiling', 'superseded', 'called', 'exits', 'watched', 'full'}

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

-- The caller's clock, unless it is ahead of this server's by more than `skew` ms: one host with a
-- wrong clock must not end everybody's session.
local function believed(now_ms, skew)
  local time = server.call('TIME')
  return math.min(tonumber(now_ms), tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000) + skew)
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

local rules = {}  -- the config of rooms by key, as last read: reading it each time was a third of a poll
local rules_kept = 0

-- Return a room's config, or nil where this server has none. A version never has two contents:
-- `configure` writes no version twice, and forgets what is kept here.
local function rules_of(key)
  local version = server.call('HGET', key, 'version')
  if not version then return nil end
  local known = rules[key]
  if known and known.version == version then return known end
  local config = server.call('HMGET', key, unpack(CONFIG))
  if not config[1] then return nil end
  known = {version = version, required = config[1] == '1', phase = config[2], check = config[3] or 'OFF'}
  for i = WORDS + 1, #CONFIG do known[CONFIG[i]] = tonumber(config[i] or '') end
  known.skew = known.skew or 2000
  known.room = {__index = known}
  if not rules[key] then
    if rules_kept >= RULES_KEPT then rules, rules_kept = {}, 0 end
    rules_kept = rules_kept + 1
  end
  rules[key] = known
  return known
end

-- Return the room, or nil and why it can't be entered.
local function enter(keys, now_ms)
  local config = rules_of(keys[1])
  if not config then return nil, {'COLD', ''} end
  if not config.required then return nil, {'NOT_REQUIRED'} end
  local state = server.call('HMGET', keys[2], unpack(STATE))
  if not state[1] or state[1] ~= current_run() then return nil, {'COLD', birth(keys)} end
  local room = setmetatable({keys = keys, seed = state[2] or ''}, config.room)
  for i = 3, #STATE do room[STATE[i]] = tonumber(state[i] or 0) end
  if room.superseded == 1 then return nil, {'SUPERSEDED', room.epoch} end
  room.last = room.now
  room.was = {now = room.now, next = room.next, drawn = room.drawn, admitted = room.admitted, window = room.window}
  room.now = math.max(believed(now_ms, room.skew), room.last)  -- never backwards
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
  -- A session's end was known beforehand; any other end of an admission is an early exit.
  if room.full == 1 and (record.letter == 'G' or (record.letter == 'A' and letter ~= 'E')) then
    room.exits = room.exits + 1
  end
  record.letter, record.deadline = letter, math.max(room.now, record.joined)
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

-- Note [Waiting times] in README.md: how many have left a full room early lately (`exits`), and in
-- how many ms of watching it (`watched`); both fade.
local function watch_exits(room)
  local elapsed = room.now - room.was.now
  if room.full ~= 1 or elapsed <= 0 then return end
  local fade = math.exp(-elapsed / WATCH_MS)
  room.exits = room.exits * fade
  room.watched = room.watched * fade + WATCH_MS * (1 - fade)
end

-- Return in how many ms it is the turn of a fan with `ahead` before him (Note [Waiting times]).
local function wait_ms(room, ahead)
  local by_rate = ahead * 1000 / room.rate + math.max(0, room.resume - room.now)
  local exits = ahead + 1 - (room.capacity - room.live)
  if exits <= 0 then return by_rate end
  local places = math.max(room.capacity, room.live)
  local rounds, rank = math.floor((exits - 1) / places), (exits - 1) % places
  local ends
  if rank < room.live then
    local at = server.call('ZCARD', room.keys[4]) - room.live + rank  -- past those lapsed already
    local user, deadline = unpack(server.call('ZRANGE', room.keys[4], at, at, 'WITHSCORES'))
    local record = read(room, user)
    ends = record and record.letter == 'G' and room.session or tonumber(deadline) - room.now
  else  -- a place that is free now, and will have been taken by somebody ahead
    ends = (rank - room.live + 1) * 1000 / room.rate + room.session
  end
  local by_sessions = rounds * room.session + ends
  local by_exits = by_sessions
  if room.exits > 0 then  -- the fewer exits were seen, the more the sessions' own pace counts
    local expected = math.max(PACE_WINDOW_MS, room.session / room.capacity)
    by_exits = exits * (room.watched + expected / room.exits) / room.exits
  end
  return math.max(by_rate, math.min(by_sessions, by_exits))
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

-- Let a fan in; the session starts when the fan is seen.
local function let_in(room, user, record)
  record.letter, record.deadline = 'G', room.now + room.grace
  server.call('ZADD', room.keys[4], whole(record.deadline), user)
  write(room, user, record)
  room.admitted = room.admitted + 1
  room.waited = room.waited + (room.now - record.joined)
end

local function admit(room)
  -- Deadlines are compared, not members counted: a lapsed fan that no sweep has met holds nobody up.
  local live = server.call('ZCOUNT', room.keys[4], '(' .. whole(room.now), '+inf')
  room.live, room.full = live, live >= room.capacity and 1 or 0
  local places = math.min(room.capacity - live, math.floor(room.credit + 1e-6), BATCH)
  if places < 1 then return 0 end
  local popped = server.call('ZPOPMIN', room.keys[3], places)
  for i = 1, #popped, 2 do
    local user, number = popped[i], tonumber(popped[i + 1])
    let_in(room, user, read(room, user) or {number = number, joined = room.now})
    room.serving = math.max(room.serving, number)
  end
  local count = #popped / 2
  room.credit = math.max(0, room.credit - count)
  room.window_admitted = room.window_admitted + count
  room.live = live + count
  room.full = room.live >= room.capacity and 1 or 0
  return count
end

local function advance(room)
  measure_pace(room)
  watch_exits(room)
  if room.now - room.was.now >= SAVE_MS then lapse(room) end
  accrue(room)
end

local function write_state(room)
  server.call('HSET', room.keys[2], 'next', whole(room.next), 'serving', whole(room.serving),
    'drawn', whole(room.drawn), 'now', whole(room.now), 'credit', string.format('%.6f', room.credit),
    'admitted', whole(room.admitted), 'waited', whole(room.waited),
    'pace', string.format('%.6f', room.pace), 'window', whole(room.window),
    'window_admitted', whole(room.window_admitted), 'exits', string.format('%.6f', room.exits),
    'watched', whole(room.watched), 'full', room.full)
end

-- Keep what the next call can't work out by itself. Credit grows evenly with time, so while nobody
-- was let in it may as well be counted from an earlier moment; thousands of polls a second then
-- write nothing (the writes, and their way into the append-only file, were most of their price).
local function save(room)
  local was = room.was
  if room.now - was.now >= SAVE_MS or room.admitted ~= was.admitted or room.window ~= was.window then
    write_state(room)
  elseif room.next ~= was.next or room.drawn ~= was.drawn then
    server.call('HSET', room.keys[2], 'next', whole(room.next), 'drawn', whole(room.drawn))
  end
end

local function close_with(room, reply)
  admit(room)
  write_state(room)
  return reply
end
