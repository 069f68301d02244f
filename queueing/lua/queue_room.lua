-- One waiting room as a function of time (Note [Waiting room] in README.md): its rules, its clock, and
-- who is admitted when. Every function brings the room up to `now_ms` first, so nobody depends on a
-- ticking job; work per call is bounded by BATCH, and the next call does what is left over.
--
-- KEYS of every function, fr:q:{<performance>}:<name>
--   1 config   hash: CONFIG_FIELDS and version, mirrored from PostgreSQL
--   2 state    hash: STATE_FIELDS
--   3 waiting  sorted set: user -> number
--   4 active   sorted set: user -> deadline in ms
--   5 people   hash: user -> "number state_code deadline joined", a place (of an ended one, deadline is
--              when it ended)
--   6 birth    string: gap_id, the gap that waits for an epoch to begin
-- A function with more keys says so. Names of keys, fields and functions are those of the first release:
-- servers outlive releases.

-- What each state of a room allows (the same table for people is in README.md). An unknown state, of a
-- later release, is taken for PAUSED.
--   joins     fans may join; where they may not, `refusal` is the reply
--   invites   staff and the invited may join, and are admitted at once
--   admits    those who wait are admitted as time passes
--   polls     those who wait may ask for their place
--   draws     numbers are drawn by lot
--   becomes   the state that time alone puts in its place, from `admits_from` on
local STATE = {
  PRESALE  = {joins = true,  invites = false, admits = false, polls = true,  draws = true, becomes = 'OPEN'},
  OPEN     = {joins = true,  invites = true,  admits = true,  polls = true},
  PAUSED   = {joins = false, invites = false, admits = false, polls = true,  refusal = 'PAUSED'},
  DRAINING = {joins = false, invites = true,  admits = true,  polls = true,  refusal = 'CLOSED'},
  CLOSED   = {joins = false, invites = false, admits = false, polls = false, refusal = 'CLOSED'},
}

-- Where a fan stands, as a place says it: admitted and not yet come (its grace runs), or come (its
-- session runs).
local WAITING, CALLED, ADMITTED, EXPIRED, LEFT, FINISHED = 'W', 'G', 'A', 'E', 'L', 'F'

local BATCH = 256
local BURST_MS = 2000          -- missed time is repaid up to this much of the rate
local PACE_WINDOW_MS = 5000
local WATCH_MS = 60000         -- exits older than about this no longer tell how fast places free
local RULES_KEPT = 1000
local SAVE_MS = 10             -- a clock that moved less need not be written down
local CONFIG_FIELDS = {'required', 'phase', 'check', 'joins_from', 'admits_from', 'rate', 'capacity', 'grace', 'session',
  'remember', 'skew', 'work_bits', 'per_address', 'per_user_minute', 'per_address_minute'}
local TEXTS = 3                -- the first of them are no numbers; `phase` is the room's state as set
local STATE_FIELDS = {'run', 'seed', 'epoch', 'next', 'ceiling', 'serving', 'now', 'credit', 'resume', 'admitted', 'waited',
  'pace', 'window', 'window_admitted', 'draw_start', 'drawn', 'draw_ceiling', 'superseded', 'called', 'exits', 'watched',
  'full'}

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

-- Return the caller's clock, unless it is ahead of this server's by more than `skew` ms: one host with
-- a wrong clock must not end everybody's session.
local function clamp_clock(now_ms, skew)
  local time = server.call('TIME')
  return math.min(tonumber(now_ms), tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000) + skew)
end

-- Name the gap that this server woke up with, so that a `begin` meant for an earlier gap and delivered
-- late is refused: it would give the same numbers again.
local function gap_id(gap_key)
  local id = server.call('GET', gap_key)
  if not id or string.sub(id, 1, #current_run()) ~= current_run() then
    local time = server.call('TIME')
    id = current_run() .. ':' .. time[1] .. '.' .. time[2]
    server.call('SET', gap_key, id, 'EX', 60)
  end
  return id
end

local rules_by_key = {}  -- rooms' configs as last read: reading one each time was a third of a poll
local rules_kept = 0

-- Return a room's rules, or nil where this server has none. A version never has two contents:
-- `mirror_config` writes no version twice, and drops what is kept here.
local function rules_of(config_key)
  local version = server.call('HGET', config_key, 'version')
  if not version then return nil end
  local kept = rules_by_key[config_key]
  if kept and kept.version == version then return kept end
  local config = server.call('HMGET', config_key, unpack(CONFIG_FIELDS))
  if not config[1] then return nil end
  local rules = {version = version, required = config[1] == '1', state = config[2], check = config[3] or 'OFF'}
  for i = TEXTS + 1, #CONFIG_FIELDS do rules[CONFIG_FIELDS[i]] = tonumber(config[i] or '') end
  rules.skew = rules.skew or 2000
  rules.of_room = {__index = rules}
  if not kept then
    if rules_kept >= RULES_KEPT then rules_by_key, rules_kept = {}, 0 end
    rules_kept = rules_kept + 1
  end
  rules_by_key[config_key] = rules
  return rules
end

-- Return the room as of now, or nil and the reply that says why it can't be entered.
local function enter(keys, now_ms)
  local config_key, state_key, waiting_key, active_key, places_key, gap_key = unpack(keys, 1, 6)
  local rules = rules_of(config_key)
  if not rules then return nil, {'COLD', ''} end
  if not rules.required then return nil, {'NOT_REQUIRED'} end
  local stored = server.call('HMGET', state_key, unpack(STATE_FIELDS))
  if not stored[1] or stored[1] ~= current_run() then return nil, {'COLD', gap_id(gap_key)} end
  local room = setmetatable({
    state_key = state_key, waiting_key = waiting_key, active_key = active_key, places_key = places_key,
    seed = stored[2] or '',
  }, rules.of_room)
  for i = 3, #STATE_FIELDS do room[STATE_FIELDS[i]] = tonumber(stored[i] or 0) end
  if room.superseded == 1 then return nil, {'SUPERSEDED', room.epoch} end
  room.loaded = {now = room.now, next = room.next, drawn = room.drawn, admitted = room.admitted}
  room.credited = room.now  -- credit has been earned until then
  room.now = math.max(clamp_clock(now_ms, room.skew), room.now)  -- never backwards
  room.allows = STATE[room.state] or STATE.PAUSED
  if room.allows.becomes then  -- by time, without anybody's help
    room.credited = math.max(room.credited, room.admits_from)
    if room.now >= room.admits_from then
      room.state = room.allows.becomes
      room.allows = STATE[room.state]
    end
  end
  room.credited = math.max(room.credited, room.resume)
  return room
end

local function has_place(record)
  return record and (record.state_code == WAITING or record.state_code == CALLED or record.state_code == ADMITTED)
end

local function write_place(room, user, record)
  local text = table.concat({whole(record.number), record.state_code, whole(record.deadline), whole(record.joined)}, ' ')
  server.call('HSET', room.places_key, user, text)
  if not has_place(record) then
    server.call('HEXPIRE', room.places_key, room.remember, 'FIELDS', 1, user)
  end
end

local function read_place(room, user)
  local text = server.call('HGET', room.places_key, user)
  if not text then return nil end
  local number, state_code, deadline, joined = string.match(text, '^(%d+) (%a) (%d+) (%d+)$')
  return {
    number = tonumber(number), state_code = state_code, deadline = tonumber(deadline), joined = tonumber(joined),
  }
end

local function end_place_as(room, user, record, state_code)
  server.call('ZREM', record.state_code == WAITING and room.waiting_key or room.active_key, user)
  -- A session's end was known beforehand; any other end of an admission is an early exit.
  local is_early = record.state_code == CALLED or (record.state_code == ADMITTED and state_code ~= EXPIRED)
  if room.full == 1 and is_early then room.exits = room.exits + 1 end
  record.state_code, record.deadline = state_code, math.max(room.now, record.joined)
  write_place(room, user, record)
end

local function expire_places(room)
  local users = server.call('ZRANGE', room.active_key, '-inf', whole(room.now), 'BYSCORE', 'LIMIT', 0, BATCH)
  for _, user in ipairs(users) do
    local record = read_place(room, user)
    if record then
      end_place_as(room, user, record, EXPIRED)
    else
      server.call('ZREM', room.active_key, user)
    end
  end
end

-- Measure the rate of admission really seen: an average over windows in which somebody waited; an
-- empty room says nothing about how fast it would move.
local function measure_pace(room)
  local elapsed = room.now - room.window
  if elapsed < PACE_WINDOW_MS then return end
  if room.window > 0 and server.call('EXISTS', room.waiting_key) == 1 then
    local floor = math.min(room.rate, room.capacity * 1000 / room.session)  -- sessions do end
    room.pace = math.max(floor, 0.5 * room.pace + 0.5 * room.window_admitted * 1000 / elapsed)
  else
    room.pace = room.rate
  end
  room.window, room.window_admitted = room.now, 0
end

-- Note [Waiting times] in README.md: how many have left a full room early lately (`exits`), and in
-- how many ms of watching it (`watched`); both fade.
local function fade_exits(room)
  local elapsed = room.now - room.loaded.now
  if room.full ~= 1 or elapsed <= 0 then return end
  local fade = math.exp(-elapsed / WATCH_MS)
  room.exits = room.exits * fade
  room.watched = room.watched * fade + WATCH_MS * (1 - fade)
end

-- Return in how many ms it is the turn of a fan with `ahead` in front (Note [Waiting times]).
local function wait_ms(room, ahead)
  local by_rate = ahead * 1000 / room.rate + math.max(0, room.resume - room.now)
  local exits = ahead + 1 - (room.capacity - room.live)
  if exits <= 0 then return by_rate end
  local places = math.max(room.capacity, room.live)
  local rounds, rank = math.floor((exits - 1) / places), (exits - 1) % places
  local ends
  if rank < room.live then
    local at = server.call('ZCARD', room.active_key) - room.live + rank  -- past those lapsed already
    local user, deadline = unpack(server.call('ZRANGE', room.active_key, at, at, 'WITHSCORES'))
    local record = read_place(room, user)
    ends = record and record.state_code == CALLED and room.session or tonumber(deadline) - room.now
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

local function earn_credit(room)
  if room.allows.admits then
    local burst = math.max(1, room.rate * BURST_MS / 1000)
    local earned = room.rate * math.max(0, room.now - room.credited) / 1000
    room.credit = math.min(burst, room.credit + earned)
  else
    room.credit = 0
  end
end

-- Admit one fan; the session starts when the fan is seen.
local function admit_fan(room, user, record)
  record.state_code, record.deadline = CALLED, room.now + room.grace
  server.call('ZADD', room.active_key, whole(record.deadline), user)
  write_place(room, user, record)
  room.admitted = room.admitted + 1
  room.waited = room.waited + (room.now - record.joined)
end

-- Admit those whose turn it is, by number, up to credit, capacity and BATCH; return how many.
local function admit_waiting(room)
  -- Deadlines are compared, not members counted: a lapsed fan that no sweep has met holds nobody up.
  local live = server.call('ZCOUNT', room.active_key, '(' .. whole(room.now), '+inf')
  room.live, room.full = live, live >= room.capacity and 1 or 0
  local places = math.min(room.capacity - live, math.floor(room.credit + 1e-6), BATCH)
  if places < 1 then return 0 end
  local popped = server.call('ZPOPMIN', room.waiting_key, places)
  for i = 1, #popped, 2 do
    local user, number = popped[i], tonumber(popped[i + 1])
    admit_fan(room, user, read_place(room, user) or {number = number, joined = room.now})
    room.serving = math.max(room.serving, number)
  end
  local count = #popped / 2
  room.credit = math.max(0, room.credit - count)
  room.window_admitted = room.window_admitted + count
  room.live = live + count
  room.full = room.live >= room.capacity and 1 or 0
  return count
end

-- Bring the room up to now, admissions aside.
local function advance(room)
  measure_pace(room)
  fade_exits(room)
  if room.now - room.loaded.now >= SAVE_MS then expire_places(room) end
  earn_credit(room)
end

local function write_state(room)
  server.call('HSET', room.state_key, 'next', whole(room.next), 'serving', whole(room.serving),
    'drawn', whole(room.drawn), 'now', whole(room.now), 'credit', string.format('%.6f', room.credit),
    'admitted', whole(room.admitted), 'waited', whole(room.waited),
    'pace', string.format('%.6f', room.pace), 'window', whole(room.window),
    'window_admitted', whole(room.window_admitted), 'exits', string.format('%.6f', room.exits),
    'watched', whole(room.watched), 'full', room.full)
end

-- Keep what the next call can't work out by itself. Credit grows evenly with time, so while nobody
-- was admitted it may as well be counted from an earlier moment; thousands of polls a second then
-- write nothing (the writes, and their way into the append-only file, were most of their price).
local function save(room)
  local loaded = room.loaded
  if room.now - loaded.now >= SAVE_MS or room.admitted ~= loaded.admitted then
    write_state(room)
  elseif room.next ~= loaded.next or room.drawn ~= loaded.drawn then
    server.call('HSET', room.state_key, 'next', whole(room.next), 'drawn', whole(room.drawn))
  end
end

-- Admit those whose turn it is, write the state and return `reply`, which has no place in it.
local function close_with(room, reply)
  admit_waiting(room)
  write_state(room)
  return reply
end
