#include "identity/service.hpp"

#include "base/log.hpp"
#include "codec/object.hpp"
#include "identity/borrowed.hpp"

namespace orrery::identity {

namespace {

constexpr size_t store_queue_max = 4'000;
constexpr size_t notes_max = 10'000;
constexpr duration bootstrap_life = 24h;

std::string a_hash(const password_cost& cost) {
  return hash_password(random_hex(16), cost).value_or(std::string("$none"));
}

bool changes_something(std::string_view name) {
  return name != "listUsers" && name != "getUser" && name != "listSessions" && name != "listKeys" &&
         name != "listAudit" && name != "whoAmI" && name != "getJwks" && name != "refresh";
}

}  // namespace

service::service(identity_source& where, const clock& time, service_options how)
    : where_(where),
      time_(time),
      how_(std::move(how)),
      keys_(time, how_.keys),
      throttle_(time, how_.limits),
      dummy_hash_(a_hash(how_.cost)),
      store_worker_("identity", store_queue_max, 2),
      password_worker_("password", how_.password_queue_max, how_.password_threads),
      external_worker_("issuer", 1'000, 1) {}

service::~service() { stop(); }

void service::stop() {
  password_worker_.stop();
  external_worker_.stop();
  store_worker_.stop();
  write_audit();
}

result<std::string> service::start() {
  const borrowed in(*this);
  if (auto loaded = keys_.load(*in); !loaded)
    return std::move(loaded).error();
  (void)(*in).purge(time_.now());
  const auto users = (*in).list(identity_table::users, {}, {}, 1);
  if (!users)
    return users.error();
  if (!users->empty())
    return std::string();
  auto token = random_hex(16);
  // Of several nodes that start at once one makes the token.
  const identity_record r{
      "bootstrap", {}, base64url(digest(token)), 0, time_.now() + bootstrap_life};
  const auto put = (*in).put(identity_table::sessions, r);
  if (!put && put.error().code != errc::conflict)
    return put.error();
  return put ? token : std::string();
}

const service::row* service::find_operation(std::string_view name) {
  static const row all[] = {
      {"login", &service::login, true},
      {"refreshSession", &service::refresh},
      {"logout", &service::logout},
      {"changePassword", &service::change_password, true},
      {"registerUser", &service::register_self, true},
      {"bootstrap", &service::bootstrap, true},
      {"whoAmI", &service::who_am_i},
      {"getJwks", &service::jwks},
      {"rotateKeys", &service::rotate_keys},
      {"listUsers", &service::list_users},
      {"getUser", &service::get_user},
      {"createUser", &service::create_user, true},
      {"updateUser", &service::update_user, true},
      {"deleteUser", &service::delete_user},
      {"listSessions", &service::list_sessions},
      {"deleteSession", &service::delete_session},
      {"listKeys", &service::list_keys},
      {"createKey", &service::create_key},
      {"deleteKey", &service::delete_key},
      {"listAudit", &service::list_audit},
  };
  for (const auto& r : all)
    if (r.name == name)
      return &r;
  return nullptr;
}

void service::run(account_request what, std::function<void(result<account_answer>)> done) {
  const auto* found = find_operation(what.operation);
  if (found == nullptr)
    return done(failure{errc::not_found, "there is no such operation"});
  auto& on = found->hashes ? password_worker_ : store_worker_;
  // Shared: where the queue is full the job is gone, and the caller must be told all the same.
  auto told = std::make_shared<std::function<void(result<account_answer>)>>(std::move(done));
  const bool taken = on.submit([this, found, what = std::move(what), told] {
    const borrowed in(*this);
    (*told)(perform(*found, *in, what));
  });
  if (!taken)
    (*told)(failure{errc::busy, "too many sign-ins are under way", "1"});
}

result<account_answer> service::perform(const row& what, identity_store& in,
                                        const account_request& asked) {
  auto done = (this->*what.run)(in, asked);
  const bool refused = !done && done.error().code != errc::unavailable;
  if (refused || (done && changes_something(what.name))) {
    audit_entry e;
    e.actor = asked.who.name;
    e.action = asked.operation;
    e.target = asked.id;
    if (const auto body = codec::json_object::read(asked.body); body && e.target.empty())
      e.target = body->text("name").value_or("");
    if (e.target.empty())
      e.target = asked.who.name;
    e.outcome = done ? "done" : "refused";
    e.reason = done ? "" : done.error().detail;
    e.address = asked.address;
    e.request_id = asked.request_id;
    note(std::move(e));
  }
  return done;
}

void service::note(audit_entry entry) {
  entry.at = time_.now();
  entry.node = how_.node;
  for (auto* text : {&entry.actor, &entry.action, &entry.target, &entry.reason, &entry.request_id})
    if (text->size() > 500)
      text->resize(500);
  bool begin = false;
  {
    const std::lock_guard lock(guard_);
    if (notes_.size() >= notes_max)
      ++notes_lost_;
    else
      notes_.push_back(std::move(entry));
    begin = !std::exchange(writing_, true);
  }
  if (begin && !store_worker_.submit([this] { write_audit(); })) {
    const std::lock_guard lock(guard_);
    writing_ = false;  // the next note tries again, at the latest the end
  }
}

void service::write_audit() {
  std::vector<audit_entry> batch;
  uint64_t lost = 0;
  {
    const std::lock_guard lock(guard_);
    batch.swap(notes_);
    lost = std::exchange(notes_lost_, 0);
    writing_ = false;
  }
  if (lost > 0) {
    audit_entry e;
    e.at = time_.now();
    e.node = how_.node;
    e.action = "audit";
    e.outcome = "refused";
    e.reason = std::to_string(lost) + " entries did not fit";
    batch.push_back(std::move(e));
  }
  if (batch.empty())
    return;
  const borrowed in(*this);
  if (auto ok = (*in).append_audit(batch); !ok) {
    log::warning("audit.not_written", {{"entries", batch.size()}, {"detail", ok.error().detail}});
    const std::lock_guard lock(guard_);
    for (auto& e : batch) {
      if (notes_.size() >= notes_max)
        ++notes_lost_;
      else
        notes_.push_back(std::move(e));
    }
  }
}

result<std::string> check_user_name(const std::string& name) {
  std::string out;
  for (const char c : name)
    out += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  const bool good =
      !out.empty() && out.size() <= 64 && out != "node" && out.find(':') == std::string::npos &&
      out.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789._-") == std::string::npos;
  if (!good)
    return failure{errc::invalid, "must be 1 to 64 of a-z, 0-9, '.', '_', '-'", "name"};
  return out;
}

result<void> check_new_password(const std::string& name, const std::string& password) {
  if (password.size() < 10 || password.size() > 1024)
    return failure{errc::invalid, "must have 10 to 1024 bytes", "password"};
  if (password.find(name) != std::string::npos && password.size() < name.size() + 6)
    return failure{errc::invalid, "must not be the name", "password"};
  return {};
}

}  // namespace orrery::identity
