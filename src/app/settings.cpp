#include "app/settings.hpp"

namespace lintas::app {

Result<std::shared_ptr<Settings>> make_settings(const config::Config& config) {
    Result<auth::Authenticator> authenticator =
        auth::Authenticator::make(config.api.jwt, config.api.anon_role);
    if (!authenticator) return fail(authenticator.error());
    auto settings = std::make_shared<Settings>(Settings{config, std::move(*authenticator)});
    settings->parse.schemas = config.api.schemas;
    settings->parse.nesting = static_cast<std::size_t>(config.limits.nesting);
    settings->parse.filters = static_cast<std::size_t>(config.limits.filters);
    settings->reply.exposed_schemas = config.api.schemas.size();
    settings->reply.tx_allowed = settings->tx_override_allowed();
    settings->reply.max_rows = config.api.max_rows;
    settings->tokens = position::TokenCodec{config.consistency.position_key};
    return settings;
}

}  // namespace lintas::app
