#include <fmt/format.h>

#include "parse/grammar.hpp"

namespace lintas::parse {

namespace {

// Recursion is bounded by the stack as well, whatever the configuration allows.
constexpr std::size_t kNestingCeiling = 512;

Error too_complex(std::string details) {
    Error error;
    error.code = Errc::too_complex;
    error.message = "The request is too complex";
    error.details = std::move(details);
    return error;
}

}  // namespace

bool Context::count_filter() {
    if (filters_ < filters_max_) {
        ++filters_;
        return true;
    }
    if (!exceeded_) {
        exceeded_ = too_complex(fmt::format("limits.filters: more than {} filters", filters_max_));
    }
    return false;
}

bool Context::check_depth(std::size_t depth) {
    const std::size_t limit = std::min(nesting_max_, kNestingCeiling);
    if (depth <= limit) return true;
    if (!exceeded_) {
        exceeded_ = too_complex(fmt::format("limits.nesting: more than {} levels", limit));
    }
    return false;
}

void Context::refuse(std::string details) {
    if (refused_) return;
    refused_.emplace();
    refused_->code = Errc::not_implemented;
    refused_->message = "Feature not implemented";
    refused_->details = std::move(details);
}

void Context::note_embed_path(const std::string& embed) {
    if (not_embedded_) return;
    not_embedded_.emplace();
    not_embedded_->code = Errc::embed_not_selected;
    not_embedded_->message = fmt::format("'{}' is not an embedded resource in this request", embed);
    not_embedded_->hint =
        fmt::format("Verify that '{}' is included in the 'select' query parameter.", embed);
}

}  // namespace lintas::parse
