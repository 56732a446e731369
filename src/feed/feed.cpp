#include "feed/feed.hpp"

#include <fmt/format.h>

#include "base/task_group.hpp"
#include "feed/context.hpp"
#include "feed/hub.hpp"
#include "feed/publisher.hpp"
#include "feed/subscriber.hpp"
#include "feed/waiting.hpp"
#include "postgres/backoff.hpp"

namespace lintas::feed {

namespace {

using namespace std::chrono_literals;

constexpr Clock::duration kPatience = 3s;          // a hub that starts or stops needs a moment
constexpr Clock::duration kElectionEvery = 500ms;  // while neither slot nor hub can be had

}  // namespace

std::string_view label(FeedStatus::Role role) {
    switch (role) {
        case FeedStatus::Role::none:
            return "none";
        case FeedStatus::Role::hub:
            return "hub";
        case FeedStatus::Role::subscriber:
            return "subscriber";
    }
    return "";
}

struct Feed::Impl {
    Impl(asio::io_context& io, FeedOptions options, position::Progress& progress, FeedHooks hooks)
        : context(io, std::move(options), progress, std::move(hooks)),
          publisher(context),
          hub(context, publisher),
          wake(io) {}

    Task<void> elect();
    Task<Result<void>> follow_hub();

    Context context;
    Publisher publisher;
    Hub hub;
    asio::steady_timer wake;  // between two attempts
    std::string hub_address;  // while subscribed, or trying to
    asio::cancellation_signal* subscription = nullptr;
    bool hurry = false;
};

/// Whoever gets the slot is the hub; the others subscribe to it, and try again when it goes.
Task<void> Feed::Impl::elect() {
    co_await asio::this_coro::throw_if_cancelled(false);
    postgres::Backoff backoff{context.options.first_retry, context.options.retry_most};
    Clock::time_point lost_at = Clock::now();
    for (;;) {
        hurry = false;
        const Clock::time_point began = Clock::now();
        const Hub::Ended ended = co_await hub.run();
        bool cancelled = co_await is_cancelled();
        if (cancelled) co_return;
        if (ended != Hub::Ended::taken) lost_at = Clock::now();
        Clock::duration wait = kElectionEvery;
        if (ended == Hub::Ended::taken) {
            backoff.succeeded();
            const Result<void> followed = co_await follow_hub();
            cancelled = co_await is_cancelled();
            if (cancelled) co_return;
            const bool was_live = context.progress.feed() == position::FeedState::live;
            if (was_live) lost_at = Clock::now();
            context.progress.set_feed(position::FeedState::lost);
            hub_address.clear();
            if (was_live) {
                context.event("warn",
                              fmt::format("The hub is gone: {}.", text_of(followed.error())));
                wait = 0ms;  // the slot may be free
            } else if (Clock::now() - lost_at > kPatience) {
                context.problems.set(kAboutFeed,
                                     fmt::format("The change feed stands still: another process "
                                                 "has the replication slot, and {}.",
                                                 text_of(followed.error())));
            }
        } else {
            if (Clock::now() - began > 5s) backoff.succeeded();
            wait = backoff.next();
            context.progress.set_feed(ended == Hub::Ended::not_possible
                                          ? position::FeedState::none
                                          : position::FeedState::lost);
        }
        const Clock::time_point retry = Clock::now() + wait;
        while (!hurry && Clock::now() < retry) {
            co_await sleep_until(wake, retry);
            cancelled = co_await is_cancelled();
            if (cancelled) co_return;
        }
    }
}

/// Always ends with an error.
Task<Result<void>> Feed::Impl::follow_hub() {
    const Result<std::optional<HubRow>> row = co_await read_hub_row(context);
    if (!row) {
        Error error = row.error();
        if (error.code == Errc::sql) error.message = "lintas.hub cannot be read: " + error.message;
        co_return fail(std::move(error));
    }
    if (!*row || (*row)->id == context.options.hub_id) {
        co_return fail(Errc::connect_failed, "it is not written in lintas.hub yet");
    }
    if ((*row)->address.empty()) {
        co_return fail(Errc::connect_failed, "it has no link listener to subscribe at");
    }
    hub_address = (*row)->address;
    hub.know_roles((*row)->roles);
    Result<void> ended = co_await subscribe(context, hub_address);
    co_return ended;
}

Feed::Feed(asio::io_context& io, FeedOptions options, position::Progress& progress, FeedHooks hooks)
    : impl_(std::make_unique<Impl>(io, std::move(options), progress, std::move(hooks))) {}

Feed::~Feed() = default;

Result<std::uint16_t> Feed::listen() {
    return impl_->publisher.listen();
}

Task<void> Feed::run() {
    co_await asio::this_coro::throw_if_cancelled(false);
    Context& context = impl_->context;
    context.progress.set_feed(position::FeedState::lost);
    TaskGroup tasks{context.io.get_executor(),
                    [&context](std::string_view task, std::string_view what) {
                        context.event("error", fmt::format("{}: {}", task, what));
                    }};
    context.tasks = &tasks;
    tasks.spawn("feed.publisher", impl_->publisher.run());
    tasks.spawn("feed.elect", impl_->elect());
    co_await tasks.join();  // until cancelled
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    tasks.cancel(asio::cancellation_type::terminal);
    co_await tasks.join();
    context.tasks = nullptr;
    context.progress.set_feed(position::FeedState::lost);
}

void Feed::reconfigure(postgres::ConnectOptions connect) {
    impl_->context.options.connect = std::move(connect);
    impl_->hub.reconnect();
    impl_->hurry = true;
    impl_->wake.cancel();
}

FeedStatus Feed::status() const {
    const Context& context = impl_->context;
    FeedStatus status;
    status.state = context.progress.feed();
    if (impl_->hub.holds_slot()) {
        status.role = FeedStatus::Role::hub;
        status.wal_status = impl_->hub.wal_status();
        status.safe_wal_size = impl_->hub.safe_wal_size();
    } else if (status.state == position::FeedState::live) {
        status.role = FeedStatus::Role::subscriber;
    }
    status.watermark = context.progress.watermark();
    if (const auto sample = context.progress.samples().newest_within(status.watermark)) {
        status.lag = Clock::now() - sample->at;
    }
    status.slot = context.options.slot;
    status.hub = impl_->hub_address;
    status.problems = context.problems.all();
    status.tables = context.progress.stamps().tables().size();
    status.subscribers = impl_->publisher.subscribers();
    status.ring_bytes = context.ring.bytes();
    return status;
}

}  // namespace lintas::feed
