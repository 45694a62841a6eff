#include "bserver-agent/agent.h"

int main(int argc, char **argv)
{
    static const struct daemon_spec spec = {
        .name = "bserver-agent",
        .keys = agent_keys,
        .config_size = sizeof(struct agent_config),
        .start = agent_start,
        .stop = agent_stop,
        .ready = agent_ready,
        .summary = agent_summary,
    };

    return daemon_main(argc, argv, &spec);
}
