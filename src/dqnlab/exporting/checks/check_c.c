/* Computes the states in a file by an exported agent: weights, states, answers. */
#include <stdio.h>

#include "agent.h"

int main(int count, char **words) {
  static float row[1 + AGENT_INPUTS], values[AGENT_ACTIONS];
  if (count != 4 || agent_load(words[1])) return 2;
  FILE *states = fopen(words[2], "rb"), *answers = fopen(words[3], "wb");
  if (!states || !answers) return 3;
  while (fread(row, sizeof(float), 1 + AGENT_INPUTS, states) == 1 + AGENT_INPUTS) {
#ifdef REMEMBERS
    if (row[0]) agent_reset();
#endif
    agent_values(row + 1, values);
    fwrite(values, sizeof(float), AGENT_ACTIONS, answers);
#ifdef AGENT_COMPONENTS
    int action[AGENT_COMPONENTS];
    agent_act(row + 1, action);
    for (int i = 0; i < AGENT_COMPONENTS; i++) {
      float component = (float)action[i];
      fwrite(&component, sizeof(float), 1, answers);
    }
#else
    float action = (float)agent_act(row + 1);
    fwrite(&action, sizeof(float), 1, answers);
#endif
  }
  return fclose(answers) ? 4 : 0;
}
