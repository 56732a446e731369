#pragma once
// Single flight: while one request asks the database for an answer, others that want the same wait
// for it, so a refill storm is one query (DESIGN section 5).

#include <boost/asio/any_io_executor.hpp>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/deadline.hpp"
#include "base/http_message.hpp"
#include "base/result.hpp"
#include "base/task.hpp"
#include "position/freshness.hpp"

namespace lintas::cache {

/// What a flight brought home.
struct Answer {
    Reply reply{};
    position::Provenance from{};
    std::string source{};  // Lintas-Source
    bool by_primary = false;
    Clock::time_point asked{};  // when the database was asked
    std::int64_t rows = 0;
};
using Landed = Result<std::shared_ptr<const Answer>>;

class Flights;

/// The right, and the duty, to ask the database for a key. Destroyed without land(), it lets one of
/// those who wait try.
class Lead {
 public:
    Lead(Flights& flights, std::string key) : flights_(&flights), key_(std::move(key)) {}
    Lead(Lead&& other) noexcept
        : flights_(std::exchange(other.flights_, nullptr)), key_(std::move(other.key_)) {}
    Lead& operator=(Lead&&) = delete;
    ~Lead();

    /// Ends the flight; everybody who waits gets this.
    void land(const Landed& landed);

 private:
    Flights* flights_;
    std::string key_;
};

/// Thread: any, all of it.
class Flights {
 public:
    /// The lead if nobody flies for the key; else nullopt.
    std::optional<Lead> lead(std::string_view key);

    /// Waits for the flight for the key. nullopt: there is none (any more), or its leader gave up:
    /// try to lead. Errors: deadline_exceeded, cancelled. Cancel: safe.
    Task<Result<std::optional<Landed>>> wait(std::string_view key, Deadline deadline);

    std::size_t size() const;

 private:
    friend class Lead;
    struct Waiter;
    struct Flight {
        std::vector<std::shared_ptr<Waiter>> waiters;
    };
    void end(const std::string& key, const std::optional<Landed>& landed);

    mutable std::mutex mutex_;
    std::unordered_map<std::string, Flight> flights_;
};

}  // namespace lintas::cache
