#include "cluster/mesh_state.hpp"

#include <algorithm>

namespace orrery::cluster {

namespace {

failure unavailable(std::string why) { return failure{errc::unavailable, std::move(why)}; }

}  // namespace

result<uint64_t> mesh_state::add(question next) {
  const std::lock_guard lock(guard_);
  if (!open_)
    return unavailable("the mesh is not running");
  if (questions_.size() >= questions_max)
    return failure{errc::busy, "too many questions wait for other nodes"};
  questions_.emplace(++last_number_, std::move(next));
  return last_number_;
}

std::optional<mesh_state::dispatch> mesh_state::take_for_sending(uint64_t number) {
  std::string node;
  {
    const std::lock_guard lock(guard_);
    const auto found = questions_.find(number);
    if (found == questions_.end())
      return std::nullopt;
    auto& asked = found->second;
    node = asked.node;
    const auto place = peers_.find(node);
    if (place != peers_.end() && place->second.gate)
      return dispatch{
          .gate = place->second.gate, .text = std::move(asked.text), .limit = asked.limit};
  }
  finish(number, unavailable("no connection to node " + node));
  return std::nullopt;
}

void mesh_state::finish(uint64_t number, result<mesh_reply> answer) {
  asked_function done;
  {
    const std::lock_guard lock(guard_);
    const auto found = questions_.find(number);
    if (found == questions_.end())
      return;
    done = std::move(found->second.done);
    questions_.erase(found);
  }
  done(std::move(answer));
}

void mesh_state::set_peers(const std::vector<node_row>& nodes) {
  std::map<std::string, endpoint> wanted;
  for (const auto& node : nodes) {
    auto where = parse_endpoint(node.mesh_address);
    if (where && node.name != own_name_)
      wanted[node.name] = *std::move(where);
  }
  failed orphans;
  {
    const std::lock_guard lock(guard_);
    if (!open_)
      return;
    for (auto known = peers_.begin(); known != peers_.end();) {
      const auto found = wanted.find(known->first);
      if (found != wanted.end() && found->second == known->second.where) {
        ++known;
        continue;
      }
      auto questions = take_questions_of(known->first);
      std::move(questions.begin(), questions.end(), std::back_inserter(orphans));
      known = peers_.erase(known);
    }
    for (const auto& [name, where] : wanted) {
      const auto [place, is_new] = peers_.try_emplace(name);
      if (!is_new)
        continue;
      place->second.where = where;
      place->second.ours = own_name_ < name;
      if (const auto known = introduced_.find(name); known != introduced_.end())
        take_in(name, place->second, known->second);
    }
  }
  fail(std::move(orphans), "the node has left");
}

std::vector<mesh_state::connect_job> mesh_state::due(steady_point now) {
  std::vector<connect_job> jobs;
  const std::lock_guard lock(guard_);
  for (auto& [name, one] : peers_)
    if (one.ours && !one.gate && !one.connecting && one.next_try <= now) {
      one.connecting = true;
      jobs.push_back({.node = name, .where = one.where});
    }
  return jobs;
}

bool mesh_state::connected(const connect_job& job, caf::actor gate) {
  const std::lock_guard lock(guard_);
  const auto found = peers_.find(job.node);
  if (!open_ || found == peers_.end() || !(found->second.where == job.where))
    return false;
  found->second.connecting = false;
  take_in(job.node, found->second, std::move(gate));
  return true;
}

bool mesh_state::introduced(const std::string& node, caf::actor gate) {
  const std::lock_guard lock(guard_);
  if (!open_ || (introduced_.size() >= introduced_max && !introduced_.contains(node)))
    return false;
  introduced_[node] = gate;
  if (const auto found = peers_.find(node); found != peers_.end())
    take_in(node, found->second, std::move(gate));
  return true;
}

void mesh_state::take_in(const std::string& node, peer& one, caf::actor gate) {
  one.gate = std::move(gate);
  one.since = std::chrono::steady_clock::now();
  caf::anon_send(caller_, peer_connected{node});
}

void mesh_state::not_connected(const connect_job& job, steady_point now) {
  const std::lock_guard lock(guard_);
  const auto found = peers_.find(job.node);
  if (found == peers_.end() || !(found->second.where == job.where))
    return;
  auto& one = found->second;
  one.connecting = false;
  one.next_try = now + one.pause;
  one.pause = std::min<duration>(one.pause * 2, pause_max);
}

caf::actor mesh_state::handle_of(const std::string& node) const {
  const std::lock_guard lock(guard_);
  const auto found = peers_.find(node);
  return found == peers_.end() ? caf::actor{} : found->second.gate;
}

std::string mesh_state::lost(const caf::actor_addr& gate, steady_point now) {
  failed orphans;
  std::string name;
  {
    const std::lock_guard lock(guard_);
    std::erase_if(introduced_, [&](const auto& entry) { return entry.second.address() == gate; });
    const auto found = std::find_if(peers_.begin(), peers_.end(), [&](const auto& entry) {
      return entry.second.gate && entry.second.gate.address() == gate;
    });
    if (found == peers_.end())
      return {};
    name = found->first;
    auto& one = found->second;
    one.gate = nullptr;
    // One that comes and goes keeps its growing pause; one that was there for long starts anew.
    if (now - one.since > pause_max)
      one.pause = pause_first;
    one.next_try = now + one.pause;
    one.pause = std::min<duration>(one.pause * 2, pause_max);
    orphans = take_questions_of(name);
  }
  fail(std::move(orphans), "the connection to node " + name + " was lost");
  return name;
}

std::vector<std::string> mesh_state::names_connected() const {
  std::vector<std::string> names;
  const std::lock_guard lock(guard_);
  for (const auto& [name, one] : peers_)
    if (one.gate)
      names.push_back(name);
  return names;
}

void mesh_state::open(caf::actor caller, caf::actor gate) {
  const std::lock_guard lock(guard_);
  open_ = true;
  caller_ = std::move(caller);
  gate_ = std::move(gate);
}

void mesh_state::close() {
  failed orphans;
  std::map<std::string, peer> gone;
  std::map<std::string, caf::actor> forgotten;
  {
    const std::lock_guard lock(guard_);
    open_ = false;
    caller_ = nullptr;
    gate_ = nullptr;
    gone.swap(peers_);
    forgotten.swap(introduced_);
    for (auto& [number, asked] : questions_)
      orphans.push_back(std::move(asked.done));
    questions_.clear();
  }
  fail(std::move(orphans), "the mesh was stopped");
}

caf::actor mesh_state::caller() const {
  const std::lock_guard lock(guard_);
  return caller_;
}

caf::actor mesh_state::own_gate() const {
  const std::lock_guard lock(guard_);
  return gate_;
}

void mesh_state::reply(uint64_t ticket, mesh_reply answer) const {
  const std::lock_guard lock(guard_);
  if (gate_)
    caf::anon_send(gate_, reply_ready{ticket, answer.code, std::move(answer.body)});
}

mesh_state::failed mesh_state::take_questions_of(const std::string& node) {
  failed taken;
  for (auto entry = questions_.begin(); entry != questions_.end();) {
    if (entry->second.node != node) {
      ++entry;
      continue;
    }
    taken.push_back(std::move(entry->second.done));
    entry = questions_.erase(entry);
  }
  return taken;
}

void mesh_state::fail(failed questions, const std::string& why) {
  for (auto& done : questions)
    done(unavailable(why));
}

}  // namespace orrery::cluster
