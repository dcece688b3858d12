#include "app/flow_office.hpp"

#include "base/log.hpp"
#include "codec/flows.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace orrery::app {

namespace {

failure too_many() { return {errc::busy, "too many questions about flows at once"}; }

}  // namespace

flow_office::flow_office(flow_source& where, const clock& time, flow_office_options how)
    : shelf_(where.open_flows()), reader_(where.open_flows()), time_(time), how_(std::move(how)) {}

flow_office::~flow_office() { stop(); }

result<void> flow_office::start() {
  if (auto ok = store_folder(); !ok)
    return ok;
  if (auto ok = refresh(); !ok)
    return ok;
  looks_ = std::jthread([this](std::stop_token stop) {
    name_this_thread("flow-looks");
    run(std::move(stop));
  });
  return {};
}

void flow_office::stop() {
  looks_.request_stop();
  if (looks_.joinable())
    looks_.join();
  worker_.stop();
}

void flow_office::run(std::stop_token stop) {
  std::unique_lock lock(guard_);
  while (!wake_.wait_for(lock, stop, how_.pause, [&] { return stop.stop_requested(); })) {
    lock.unlock();
    if (auto ok = refresh(); !ok)
      log::debug("flows.not_read", {{"detail", ok.error().detail}});
    lock.lock();
  }
}

result<void> flow_office::refresh() {
  const auto all = reader_->newest();
  if (!all)
    return all.error();
  for (const auto& f : *all)
    keep(f);
  return {};
}

void flow_office::keep(const flow& f) {
  const std::lock_guard lock(guard_);
  auto& place = known_[f.name];
  if (place->version < f.version)
    place = f;
}

result<void> flow_office::store_folder() {
  if (how_.folder.empty())
    return {};
  std::error_code error;
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(how_.folder, error))
    if (entry.path().extension() == ".json")
      files.push_back(entry.path());
  if (error)
    return failure{errc::invalid, "cannot read " + how_.folder + ": " + error.message(), "flows"};
  std::sort(files.begin(), files.end());
  for (const auto& file : files) {
    std::ifstream in(file);
    std::stringstream text;
    text << in.rdbuf();
    auto f = codec::read_flow(text.str());
    auto stored = f ? store_one(*f) : result<flow>(f.error());
    if (!stored) {
      const auto& why = stored.error();
      return failure{why.code, file.string() + ": " + why.field + ' ' + why.detail, "flows"};
    }
  }
  return {};
}

/// Kinds that this node cannot run are refused by name. The built-in steps are known where stock is.
result<void> flow_office::check_kinds(const flow& f) const {
  for (size_t i = 0; i < f.steps.size(); ++i) {
    const auto place = "steps[" + std::to_string(i) + "]";
    const auto& step = f.steps[i];
    if (!how_.knows_kind(step.task->kind))
      return failure{errc::invalid, "has no executor here: " + step.task->kind, place + ".kind"};
    if (step.has_compensation() && !how_.knows_kind(step.compensate->kind))
      return failure{errc::invalid, "has no executor here: " + step.compensate->kind,
                     place + ".compensate.kind"};
  }
  return {};
}

result<flow> flow_office::store_one(const flow& f) {
  if (auto ok = validate(f); !ok)
    return std::move(ok).error();
  if (auto ok = check_kinds(f); !ok)
    return std::move(ok).error();
  auto stored = shelf_->put(f, time_.now());
  if (stored)
    keep(*stored);
  return stored;
}

std::optional<shared_value<flow>> flow_office::find(std::string_view name) const {
  const std::lock_guard lock(guard_);
  const auto found = known_.find(name);
  return found == known_.end() ? std::nullopt : std::optional(found->second);
}

void flow_office::fetch(std::string name, std::function<void(result<shared_value<flow>>)> done) {
  get(std::move(name), 0, [this, done = std::move(done)](result<flow> found) {
    if (!found)
      return done(std::move(found).error());
    keep(*found);
    done(shared_value<flow>(std::move(*found)));
  });
}

void flow_office::put(flow f, std::function<void(result<flow>)> done) {
  if (!worker_.submit([this, f = std::move(f), done] { done(store_one(f)); }))
    done(too_many());
}

void flow_office::list(std::function<void(result<std::vector<flow>>)> done) {
  if (!worker_.submit([this, done] { done(shelf_->newest()); }))
    done(too_many());
}

void flow_office::get(std::string name, uint32_t version, std::function<void(result<flow>)> done) {
  if (!worker_.submit(
          [this, name = std::move(name), version, done] { done(shelf_->get(name, version)); }))
    done(too_many());
}

}  // namespace orrery::app
