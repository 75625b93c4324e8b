// Fifty bidders at the gateway: each watches an auction over WebSocket and bids alternately over WebSocket and over
// HTTP, at the last known `minimum`. `make load` starts a platform and runs this against it.
//
//   BLYTZ_URL      URL of the gateway (of a dev platform: tokens come from its sign-in)
//   BLYTZ_SECONDS  duration of the bidding
//   BLYTZ_PACE_MS  time between two bids of one bidder; 500 stays below the limit of 10 bids/s per user
import http from 'k6/http';
import { sleep } from 'k6';
import { Counter, Rate, Trend } from 'k6/metrics';
import { WebSocket } from 'k6/experimental/websockets';

const URL = (__ENV.BLYTZ_URL || 'http://127.0.0.1:8000').replace(/\/$/, '');
const LIVE_URL = `${URL.replace(/^http/, 'ws')}/live/v1`;
const RUN_MS = Number(__ENV.BLYTZ_SECONDS || 20) * 1000;
const PACE_MS = Number(__ENV.BLYTZ_PACE_MS || 500);
const BIDDERS = 50;
const AUCTIONS = 10;
const LAST_ANSWERS_MS = 3000;
// Refusals of a bid that was overtaken by another: expected, not an error.
const EXPECTED_REFUSALS = ['already_leading', 'bid_too_low'];

const duration = new Trend('bid_duration', true);
const failed = new Rate('bid_errors');
const taken = new Rate('bids_taken');
const gaps = new Counter('seq_gaps');
const events = new Counter('events_heard');

export const options = {
  scenarios: {
    bidders: {
      executor: 'per-vu-iterations',
      vus: BIDDERS,
      iterations: 1,
      maxDuration: `${RUN_MS + 4 * LAST_ANSWERS_MS}ms`,
    },
  },
  summaryTrendStats: ['count', 'med', 'p(95)', 'p(99)', 'max'],
  thresholds: {
    // The figures of README.md.
    bid_duration: ['p(95)<300', 'p(99)<50'],
    'bid_duration{via:http}': ['p(95)<300', 'p(99)<50'],
    'bid_duration{via:websocket}': ['p(95)<300', 'p(99)<50'],
    bid_errors: ['rate<0.001'],
    seq_gaps: ['count==0'],
    // Without these a test without bids would pass.
    bids_taken: ['rate>0.5'],
    events_heard: ['count>0'],
  },
};

// 409 is a refusal by the rules, not a failed request.
http.setResponseCallback(http.expectedStatuses({ min: 200, max: 299 }, 409));

const JSON_BODY = { 'Content-Type': 'application/json' };

function post(path, body, token) {
  const headers = token ? { ...JSON_BODY, Authorization: `Bearer ${token}` } : JSON_BODY;
  for (let attempt = 0; ; attempt += 1) {
    const answer = http.post(URL + path, JSON.stringify(body), { headers });
    if (answer.status < 300) return answer.json();
    if (answer.status !== 429 || attempt === 20) throw new Error(`${path}: ${answer.status} ${answer.body}`);
    sleep(0.25);
  }
}

export function setup() {
  const signIn = (name, role) => post('/auction/v1/dev/sign-in', { name, roles: [role] }).token;
  const seller = signIn('Load seller', 'seller');
  const terms = { start_price: 100, increments: [[0, 100]], duration_ms: RUN_MS + 600000 };
  const auctions = Array.from({ length: AUCTIONS }, (_, n) =>
    post('/auction/v1/auctions', { title: `Load ${n + 1}`, terms }, seller).auction_id);
  const tokens = Array.from({ length: BIDDERS }, (_, n) => signIn(`Load bidder ${n + 1}`, 'bidder'));
  return { auctions, tokens, seller };
}

export default function bidder({ auctions, tokens }) {
  const number = __VU - 1;
  const token = tokens[number];
  const auction = auctions[number % AUCTIONS];
  const topic = `auction:${auction}`;
  const socket = new WebSocket(LIVE_URL, 'blytz.v1');
  const waiting = new Map();
  const endsAt = Date.now() + RUN_MS;
  let me = '';
  let minimum = 0;
  let leader = '';
  let seq = -1;
  let bids = 0;
  let done = false;

  function record(via, began, ok, accepted) {
    duration.add(Date.now() - began, { via });
    failed.add(!ok, { via });
    taken.add(accepted, { via });
  }

  function apply(state) {
    seq = state.seq;
    minimum = state.minimum;
    leader = state.leader ? state.leader.id : '';
  }

  function follow(event) {
    if (event.seq !== seq + 1) gaps.add(1);
    events.add(1);
    apply(event);
  }

  function bidOverSocket(bidId) {
    waiting.set(bidId, Date.now());
    socket.send(JSON.stringify({ type: 'bid', auction_id: auction, bid_id: bidId, amount: minimum }));
  }

  async function bidOverHttp(bidId) {
    const began = Date.now();
    const body = JSON.stringify({ bid_id: bidId, amount: minimum });
    const headers = { ...JSON_BODY, Authorization: `Bearer ${token}` };
    waiting.set(bidId, began);
    const answer = await http.asyncRequest('POST', `${URL}/auction/v1/auctions/${auction}/bids`, body, { headers });
    waiting.delete(bidId);
    const accepted = answer.status === 201;
    record('http', began, accepted || (answer.status === 409 && EXPECTED_REFUSALS.includes(answer.json('code'))), accepted);
  }

  function bid() {
    if (done) return;
    if (Date.now() >= endsAt) {
      end();
      return;
    }
    // The leader does not bid, and a bidder has one bid under way at a time.
    if (minimum && leader !== me && waiting.size === 0) {
      bids += 1;
      const bidId = `k6-${__VU}-${bids}`;
      if (bids % 2) bidOverSocket(bidId);
      else bidOverHttp(bidId);
    }
    // Random pauses, so that the bidders do not bid all at once.
    setTimeout(bid, PACE_MS * (0.75 + Math.random() / 2));
  }

  function end() {
    if (waiting.size && Date.now() < endsAt + LAST_ANSWERS_MS) {
      setTimeout(end, 50);
      return;
    }
    done = true;
    for (const _ of waiting) failed.add(true);
    socket.close();
  }

  const handlers = {
    welcome() {
      socket.send(JSON.stringify({ type: 'auth', token }));
    },
    authenticated(message) {
      me = message.user.id;
      socket.send(JSON.stringify({ type: 'watch', topic }));
      setTimeout(bid, PACE_MS * Math.random());
    },
    snapshot(message) {
      apply(message.state);
    },
    replay(message) {
      message.events.forEach(follow);
    },
    event: follow,
    bid_result(message) {
      const began = waiting.get(message.bid_id);
      waiting.delete(message.bid_id);
      const accepted = message.outcome === 'accepted' || message.outcome === 'outbid';
      record('websocket', began, accepted || EXPECTED_REFUSALS.includes(message.code), accepted);
    },
    error(message) {
      console.error(`${message.code}: ${message.detail}`);
      failed.add(true);
    },
  };

  socket.onmessage = ({ data }) => {
    const frame = JSON.parse(data);
    for (const message of Array.isArray(frame) ? frame : [frame]) {
      if (handlers[message.type]) handlers[message.type](message);
    }
  };
  socket.onclose = ({ code }) => {
    // A connection that the server closes early counts as an error.
    if (!done) {
      console.error(`the gateway closed the connection: ${code}`);
      failed.add(true);
      done = true;
    }
  };
  socket.onerror = ({ error }) => console.error(error);
}

export function teardown({ auctions, seller }) {
  // Otherwise the auctions would stay open for ten minutes.
  auctions.forEach((auction) => post(`/auction/v1/auctions/${auction}/close`, null, seller));
}
