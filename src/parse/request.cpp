#include "parse/request.hpp"

#include <fmt/format.h>

#include <array>
#include <optional>

#include "parse/headers.hpp"
#include "parse/query.hpp"
#include "parse/url.hpp"
#include "parse/utf8.hpp"
#include "parse/window.hpp"

namespace lintas::parse {

namespace {

struct MethodName {
    std::string_view name;
    Method method;
};

constexpr std::array kMethods = {
    MethodName{"GET", Method::get},         MethodName{"HEAD", Method::head},
    MethodName{"POST", Method::post},       MethodName{"PATCH", Method::patch},
    MethodName{"PUT", Method::put},         MethodName{"DELETE", Method::del},
    MethodName{"OPTIONS", Method::options},
};

std::optional<Method> method_from_name(std::string_view name) {
    for (const MethodName& known : kMethods) {
        if (known.name == name) return known.method;
    }
    return std::nullopt;
}

bool method_fits(Method method, PathKind path) {
    const bool reads = method == Method::get || method == Method::head || method == Method::options;
    switch (path) {
        case PathKind::root:
            return reads;
        case PathKind::rpc:
            return reads || method == Method::post;
        case PathKind::relation:
            return true;
    }
    return false;
}

// Ranges are an error step of their own, behind the query string's syntax.
Result<void> fill_windows(const RawRequest& raw, const WindowParameters& parameters,
                          Request& request) {
    const Result<Window> window = window_from_parameters(parameters);
    if (!window) return fail(window.error());
    request.query.window = *window;
    request.window = *window;
    if (request.method == Method::put && request.query.window_given) {
        return fail(Errc::put_window,
                    "limit/offset querystring parameters are not allowed for PUT");
    }
    if (request.method == Method::get) {
        const Result<Window> within = window_within_range(*window, raw.header("Range"));
        if (!within) return fail(within.error());
        request.window = *within;
    }
    return {};
}

}  // namespace

Result<Request> parse_request(const RawRequest& raw, const ParseOptions& options) {
    const Target target = split_target(raw.target);
    const std::optional<Method> method = method_from_name(raw.method);

    Request request;
    if (method != Method::options || target.path != "*") {
        Result<Path> path = parse_path(target.path);
        if (!path) return fail(std::move(path).error());
        request.path = path->kind;
        request.relation = std::move(path->name);
    } else {
        request.path = PathKind::root;
    }

    // An unknown method has no profile header of its own; it is told so only afterwards.
    request.method = method.value_or(Method::get);
    Result<Profile> profile = parse_profile(raw, request.method, options.schemas);
    if (!profile) return fail(std::move(profile).error());
    request.schema = std::move(profile->schema);
    request.profile_given = profile->given;

    if (!method || !method_fits(*method, request.path)) {
        const std::string name = printable(raw.method);
        if (request.path == PathKind::rpc) {
            return fail(Errc::rpc_method, fmt::format("Cannot use the {} method on RPC", name));
        }
        return fail(Errc::method_not_allowed, fmt::format("Unsupported HTTP method: {}", name));
    }
    if (request.method == Method::options) return request;

    Context context{options.nesting, options.filters};
    if (request.path == PathKind::relation) {
        std::string decoded;
        Result<ParsedQuery> query = parse_query(target.query, context, decoded);
        if (!query) return fail(std::move(query).error());
        request.query = std::move(query->query);
        const Result<void> windows = fill_windows(raw, query->window, request);
        if (!windows) return fail(windows.error());
    }

    Result<LintasHeaders> lintas = parse_lintas_headers(raw, request.method);
    if (!lintas) return fail(std::move(lintas).error());
    request.lintas = *std::move(lintas);
    if (context.refusal()) return fail(*context.refusal());

    request.prefer = parse_preferences(raw);
    request.accept = parse_accept(raw);
    return request;
}

}  // namespace lintas::parse
