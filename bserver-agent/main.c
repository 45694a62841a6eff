#include "bserver-agent/agent.h"
#include "bserver-agent/pack.h"

int main(int argc, char **argv)
{
    static const struct daemon_spec spec = {
        .name = "bserver-agent",
        .keys = agent_keys,
        .config_size = sizeof(struct agent_config),
        .start = pack_start,
        .stop = pack_stop,
        .ready = pack_ready,
        .summary = pack_summary,
    };

    return daemon_main(argc, argv, &spec);
}
