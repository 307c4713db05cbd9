"""Teach InstructPix2Pix the paintings' variants: a LoRA that turns an original into its variant, told by the prompt.

    python examples/finetune_lora.py user/artsim --model timbrooks/instruct-pix2pix --out my-lora

The UNet sees eight channels: the noisy latents of the variant, and the clean ones of the original. Only low-rank
matrices beside its attention are trained (peft), a few MB. Use them so:

    pipe = StableDiffusionInstructPix2PixPipeline.from_pretrained("timbrooks/instruct-pix2pix")
    pipe.load_lora_weights("my-lora")
    pipe("a prompt of the data set", image=painting).images[0]
"""

from __future__ import annotations

import argparse
from typing import Any

import torch
from datasets import load_dataset
from diffusers import DDPMScheduler, StableDiffusionInstructPix2PixPipeline
from diffusers.utils import convert_state_dict_to_diffusers
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict
from torch.nn import functional
from torch.utils.data import DataLoader

BOX = ("content_left", "content_top", "content_right", "content_bottom")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", help="Hub id, or a folder that 'artsim build' made")
    parser.add_argument("--model", default="timbrooks/instruct-pix2pix")
    parser.add_argument("--out", default="variant-lora")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--rank", type=int, default=8)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--learning-rate", type=float, default=1e-4)
    options = parser.parse_args()
    torch.manual_seed(0)

    pipe = StableDiffusionInstructPix2PixPipeline.from_pretrained(options.model, safety_checker=None)
    pipe.to("cuda" if torch.cuda.is_available() else "cpu")
    noiser = DDPMScheduler.from_config(pipe.scheduler.config)
    for part in (pipe.vae, pipe.text_encoder, pipe.unet):
        part.requires_grad_(False)
    pipe.unet.add_adapter(
        LoraConfig(r=options.rank, lora_alpha=options.rank, target_modules=["to_q", "to_k", "to_v", "to_out.0"])
    )
    trained = [weight for weight in pipe.unet.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(trained, options.learning_rate)

    def collate(rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        # The bars are cut off: they are the same on both sides, and all that a model would need to copy.
        images = {
            name: [row[name].crop([row[side] for side in BOX]) for row in rows] for name in ("original", "generated")
        }
        prompts = [row["prompt_compressed"] for row in rows]  # 75 tokens at most: nothing is cut
        tokens = pipe.tokenizer(prompts, padding="max_length", max_length=77, truncation=True, return_tensors="pt")
        pixels = {
            name: pipe.image_processor.preprocess(of_rows, options.size, options.size)
            for name, of_rows in images.items()
        }
        return {**pixels, "tokens": tokens.input_ids}

    pairs = load_dataset(options.dataset, "pairs", split="train")
    pairs = pairs.select_columns(["original", "generated", "prompt_compressed", *BOX])
    loader = DataLoader(pairs, options.batch, shuffle=True, collate_fn=collate, drop_last=len(pairs) > options.batch)
    step = 0
    while step < options.steps:
        for batch in loader:
            batch = {name: value.to(pipe.device) for name, value in batch.items()}
            with torch.no_grad():
                latents = pipe.vae.encode(batch["generated"]).latent_dist.sample() * pipe.vae.config.scaling_factor
                original = pipe.vae.encode(batch["original"]).latent_dist.mode()
                text = pipe.text_encoder(batch["tokens"])[0]
            noise = torch.randn_like(latents)
            times = torch.randint(noiser.config.num_train_timesteps, (len(latents),), device=pipe.device)
            noisy = noiser.add_noise(latents, noise, times)
            answer = pipe.unet(torch.cat([noisy, original], 1), times, encoder_hidden_states=text).sample
            loss = functional.mse_loss(answer, noise)  # InstructPix2Pix predicts the noise
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            if step % 50 == 0 or step == options.steps - 1:
                print(f"step {step}: loss {loss.item():.4f}")
            step += 1
            if step == options.steps:
                break
    layers = convert_state_dict_to_diffusers(get_peft_model_state_dict(pipe.unet))
    pipe.save_lora_weights(options.out, unet_lora_layers=layers)
    print(f"{sum(weight.numel() for weight in trained):,} numbers trained, written to {options.out}")


if __name__ == "__main__":
    main()
