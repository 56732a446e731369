#pragma once
// Between the front end and the map: admission, request id, trace, and the one event per request.

#include "accept/server.hpp"
#include "app/services.hpp"
#include "obs/observer.hpp"
#include "obs/trace.hpp"

namespace lintas::app {

/// Thread: one per thread, used by its loop alone.
class RequestHandler final : public accept::Handler {
 public:
    RequestHandler(Services& services, obs::Observer& observer)
        : services_(services), observer_(observer) {}

    Task<Reply> handle(const RawRequest& raw, Deadline deadline) override;
    Reply refuse(const Error& error) override { return refused(error, std::nullopt); }
    Reply refuse_as(const Error& error, int status) override { return refused(error, status); }

 private:
    Reply refused(const Error& error, std::optional<int> status);
    void tell(const RawRequest& raw, const Reply& reply, const Facts& facts,
              std::string_view request_id, const obs::TraceContext& trace,
              Clock::time_point started);

    Services& services_;
    obs::Observer& observer_;
    obs::IdSource ids_;
};

}  // namespace lintas::app
