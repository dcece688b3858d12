#include "app/stock_office.hpp"

#include "actors/stock_sweep.hpp"
#include "base/log.hpp"
#include "codec/json.hpp"
#include "codec/stock.hpp"
#include "domain/flow.hpp"

namespace orrery::app {

namespace {

failure too_many_about_stock() { return {errc::busy, "too many questions about stock at once"}; }

work_outcome refused_outcome(std::string error, std::string code) {
  work_outcome out;
  out.error = std::move(error);
  out.error_code = std::move(code);
  out.retryable = false;
  return out;
}

work_outcome away_outcome(std::string why) {
  work_outcome out;
  out.error = std::move(why);
  out.error_code = "stock-away";
  return out;
}

work_outcome outcome_of_hold(const stock_hold& wish, hold_outcome told) {
  if (told == hold_outcome::unknown_product)
    return refused_outcome("there is no product " + wish.product, std::string(code_no_stock));
  if (told == hold_outcome::too_little)
    return refused_outcome("too little of " + wish.product, std::string(code_no_stock));
  work_outcome out;
  out.succeeded = true;
  codec::json_writer(out.result)
      .begin_object()
      .field("product", wish.product)
      .field("quantity", wish.quantity)
      .end_object();
  return out;
}

}  // namespace

void stock_office::step::start(work_item item, std::function<void(work_outcome)> done) {
  const auto wish = codec::read_stock_payload(item.payload, !release_);
  if (!wish) {
    const auto& why = wish.error();
    return done(refused_outcome(why.field + ' ' + why.detail, "bad-payload"));
  }
  if (release_) {
    // What it gives back moves with its success, in the journal's commit.
    work_outcome out;
    out.succeeded = true;
    return done(std::move(out));
  }
  of_.enlist({{item.task, item.parent, wish->product, wish->quantity}, std::move(done)});
}

result<void> stock_office::step::check(const std::string& payload) const {
  const auto wish = codec::read_stock_payload(payload, !release_);
  return wish ? result<void>{} : result<void>{wish.error()};
}

stock_office::stock_office(stock_source& where, store& tasks, const clock& time, stock_options how)
    : shelf_(where.open_stock()),
      sweeper_(where.open_stock()),
      desk_(where.open_stock()),
      tasks_(tasks.open_reader()),
      time_(time),
      how_(how) {}

stock_office::~stock_office() { stop(); }

void stock_office::start() {
  holds_ = std::jthread([this](const std::stop_token& stop) {
    name_this_thread("stock-holds");
    run(stop);
  });
  sweeps_ = std::jthread([this](const std::stop_token& stop) {
    name_this_thread("stock-sweeps");
    sweep(stop);
  });
}

void stock_office::stop() {
  for (auto* thread : {&holds_, &sweeps_}) {
    thread->request_stop();
    if (thread->joinable())
      thread->join();
  }
  std::deque<waiting> left;
  {
    const std::lock_guard lock(guard_);
    stopped_ = true;
    left.swap(queue_);
  }
  for (auto& one : left)
    one.done(away_outcome("the node is stopping"));
  worker_.stop();
}

void stock_office::enlist(waiting one) {
  {
    const std::lock_guard lock(guard_);
    if (!stopped_ && queue_.size() < how_.queue_max) {
      queue_.push_back(std::move(one));
      if (queue_.size() == 1)
        wake_.notify_all();
      return;
    }
  }
  one.done(away_outcome("too many reservations wait for the stock"));
}

void stock_office::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    std::vector<waiting> batch;
    {
      std::unique_lock lock(guard_);
      wake_.wait(lock, stop, [this] { return !queue_.empty(); });
      while (!queue_.empty() && batch.size() < how_.batch_max) {
        batch.push_back(std::move(queue_.front()));
        queue_.pop_front();
      }
    }
    if (!batch.empty())
      hold(std::move(batch));
  }
}

/// A product that runs out is an answer for those who come too late, and none for the others.
void stock_office::hold(std::vector<waiting> batch) {
  std::vector<stock_hold> wishes;
  wishes.reserve(batch.size());
  for (const auto& one : batch)
    wishes.push_back(one.wish);
  const auto told = shelf_->hold(wishes, time_.now());
  if (!told)
    log::warning("stock.not_held", {{"wishes", wishes.size()}, {"detail", told.error().detail}});
  for (size_t i = 0; i < batch.size(); ++i)
    batch[i].done(told ? outcome_of_hold(batch[i].wish, (*told)[i])
                       : away_outcome(told.error().detail));
}

void stock_office::sweep(const std::stop_token& stop) {
  std::mutex idle;
  std::condition_variable_any wake;
  std::unique_lock lock(idle);
  while (!stop.stop_requested()) {
    clear_up();
    drop_rows();
    wake.wait_for(lock, stop, how_.sweep_pause, [] { return false; });
  }
}

void stock_office::clear_up() {
  const auto left_over =
      actors::sweep_stock(*sweeper_, *tasks_, time_.now() - how_.stale_after, how_.batch_max);
  if (!left_over)
    log::debug("stock.not_swept", {{"detail", left_over.error().detail}});
  else if (*left_over > 0)
    log::info("stock.let_go", {{"tasks", *left_over}});
}

/// Bounded in time, and page by page: the next sweep goes on.
void stock_office::drop_rows() {
  const auto began = time_.now();
  if (began < settled_due_)
    return;
  size_t dropped = 0;
  do {
    const auto n = actors::drop_settled(*sweeper_, *tasks_, settled_place_,
                                        began - how_.keep_settled, how_.batch_max);
    if (!n) {
      log::debug("stock.not_swept", {{"detail", n.error().detail}});
      return;
    }
    dropped += *n;
    if (settled_place_.order.is_nil())
      settled_due_ = time_.now() + how_.settled_pause;
  } while (time_.now() >= settled_due_ && time_.now() < began + how_.settled_length);
  if (dropped > 0)
    log::debug("stock.rows_dropped", {{"rows", dropped}});
}

void stock_office::create(stock_change first, answer done) {
  if (!worker_.submit(
          [this, first = std::move(first), done] { done(desk_->create(first, time_.now())); }))
    done(too_many_about_stock());
}

void stock_office::adjust(stock_change change, answer done) {
  if (!worker_.submit(
          [this, change = std::move(change), done] { done(desk_->adjust(change, time_.now())); }))
    done(too_many_about_stock());
}

void stock_office::get(std::string product, answer done) {
  if (!worker_.submit([this, product = std::move(product), done] { done(desk_->get(product)); }))
    done(too_many_about_stock());
}

void stock_office::list(std::string after, size_t limit,
                        std::function<void(result<stock_page>)> done) {
  if (!worker_.submit(
          [this, after = std::move(after), limit, done] { done(desk_->list(after, limit)); }))
    done(too_many_about_stock());
}

}  // namespace orrery::app
