/* A graphics card that reads like NVIDIA's library and does what a text file says:
 * "TEMPERATURE UTILISATION CODE", the last being what every reading answers (0: all is well). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SUCCESS = 0, NOT_SUPPORTED = 3, LOST = 15 };

static int read_state(unsigned *temperature, unsigned *utilisation) {
    int code = LOST;
    FILE *file = fopen(getenv("FAKE_NVML_STATE"), "r");
    if (!file) return LOST;
    if (fscanf(file, "%u %u %d", temperature, utilisation, &code) != 3) code = LOST;
    fclose(file);
    return code;
}

int nvmlInit_v2(void) { return SUCCESS; }
int nvmlShutdown(void) { return SUCCESS; }
const char *nvmlErrorString(int code) { (void)code; return "fake"; }
int nvmlDeviceGetCount_v2(unsigned *count) { *count = 1; return SUCCESS; }

int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device) {
    unsigned a, b;
    *device = (void *)(size_t)(index + 1);
    return read_state(&a, &b);
}

int nvmlDeviceGetName(void *device, char *name, unsigned length) {
    (void)device;
    snprintf(name, length, "Fake card");
    return SUCCESS;
}

int nvmlDeviceGetTemperature(void *device, int sensor, unsigned *celsius) {
    unsigned b;
    (void)device; (void)sensor;
    return read_state(celsius, &b);
}

int nvmlDeviceGetUtilizationRates(void *device, struct { unsigned gpu, memory; } *rates) {
    unsigned a;
    (void)device;
    rates->memory = 0;
    return read_state(&a, &rates->gpu);
}

int nvmlDeviceGetPowerUsage(void *device, unsigned *milliwatts) {
    (void)device; (void)milliwatts;
    return NOT_SUPPORTED;
}
