-- One waiting room as a function of time (Note [Waiting room] in README.md): its rules and its clock.
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

local RULES_KEPT = 1000
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
  local run, seed, epoch, next_number, ceiling, serving, now, credit, resume, admitted, waited, pace, window,
    window_admitted, draw_start, drawn, draw_ceiling, superseded, called, exits, watched, full = unpack(stored, 1, 22)
  if not run or run ~= current_run() then return nil, {'COLD', gap_id(gap_key)} end
  -- All fields at once: a table that grows is copied each time. `+ 0` makes a number of a text, in a fraction of
  -- the time of `tonumber`.
  local room = setmetatable({
    state_key = state_key, waiting_key = waiting_key, active_key = active_key, places_key = places_key,
    seed = seed or '', epoch = (epoch or 0) + 0, next = (next_number or 0) + 0, ceiling = (ceiling or 0) + 0,
    serving = (serving or 0) + 0, now = (now or 0) + 0, credit = (credit or 0) + 0, resume = (resume or 0) + 0,
    admitted = (admitted or 0) + 0, waited = (waited or 0) + 0, pace = (pace or 0) + 0,
    window = (window or 0) + 0, window_admitted = (window_admitted or 0) + 0,
    draw_start = (draw_start or 0) + 0, drawn = (drawn or 0) + 0, draw_ceiling = (draw_ceiling or 0) + 0,
    superseded = (superseded or 0) + 0, called = (called or 0) + 0, exits = (exits or 0) + 0,
    watched = (watched or 0) + 0, full = (full or 0) + 0,
    state = rules.state, loaded = false, credited = false, allows = false,
    called_by_turn = 0,  -- in this call
    is_advanced = false, unsaved = false,
    -- What queue_members.lua keeps.
    texts = {}, changed = false, to_wait = false, to_enter = false, waiting = false, live = false,
    last_user = false, ends = false, fans_left = 1, admits_nobody = false,
  }, rules.of_room)
  if room.superseded == 1 then return nil, {'SUPERSEDED', room.epoch} end
  room.loaded = {now = room.now, next = room.next, drawn = room.drawn, admitted = room.admitted, full = room.full}
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
